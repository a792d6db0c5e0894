"""Splits by a hash of a name, so that an object never changes side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from trainers.options.data_options import SPLITS

__all__ = ["SPLIT_NAMES", "in_splits", "split_of"]

SPLIT_NAMES = {split: split for split in SPLITS} | {"val": "validation", "valid": "validation"}
"""Splits by the names that folders and tables have for them, in small letters."""

# Upper ends of the splits on the unit interval of the hash: 70, 10 and 20 per cent.
_SPLIT_ENDS = (0.7, 0.8, 1.0)


def split_of(name: str) -> str:
    """Returns the split of an object or group: train for 70, validation for 10 per cent of names.

    Args:
        name: Name of the file without folder and suffix, identifier of the object, or name of the
            group of objects that share a split.
    """
    place = int.from_bytes(_digest(name)[:8], "big") / 2**64
    return next(split for split, end in zip(SPLITS, _SPLIT_ENDS, strict=True) if place < end)


def in_splits(
    names: Sequence[str], stated: Sequence[str | None] | None = None
) -> dict[str, list[int]]:
    """Returns the places of objects by split, in the order of the hash.

    Args:
        names: Their names, see `split_of`.
        stated: The split of each where it is known, None where the hash of the name decides; None
            for all.
    """
    places: dict[str, list[int]] = {split: [] for split in SPLITS}
    for place in sorted(range(len(names)), key=lambda each: _digest(names[each])):
        split = None if stated is None else stated[place]
        places[split or split_of(names[place])].append(place)
    return places


def _digest(name: str) -> bytes:
    """Returns the hash by which objects are split, and ordered in their split."""
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
