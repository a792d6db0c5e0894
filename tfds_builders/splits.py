"""Splits that follow from an object's identifier alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

__all__ = ["SPLITS", "group_by_split", "split_of"]

SPLITS = ("train", "validation", "test")

_UPPER_PERCENT = (70, 80, 100)


def split_of(identifier: str) -> str:
    """Returns "train" (70 %), "validation" (10 %) or "test" (20 %).

    An object keeps its split when others are added, in any order and on any machine.
    """
    digest = hashlib.sha256(identifier.encode()).digest()
    percent = int.from_bytes(digest[:8], "big") % 100
    return next(name for name, upper in zip(SPLITS, _UPPER_PERCENT, strict=True) if percent < upper)


def group_by_split(identifiers: Iterable[str]) -> dict[str, list[str]]:
    """Returns the identifiers of each split, in their order.

    Raises:
        ValueError: if a split is left empty, as TFDS cannot store it.
    """
    groups: dict[str, list[str]] = {split: [] for split in SPLITS}
    for identifier in identifiers:
        groups[split_of(identifier)].append(identifier)
    empty = [split for split, members in groups.items() if not members]
    if empty:
        number = sum(map(len, groups.values()))
        raise ValueError(f"{number} objects are too few: none falls into {', '.join(empty)}")
    return groups
