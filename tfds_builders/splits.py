"""Splits that follow from an object's identifier alone."""

from __future__ import annotations

import hashlib

__all__ = ["SPLITS", "split_of"]

SPLITS = ("train", "validation", "test")

_UPPER_PERCENT = (70, 80, 100)


def split_of(identifier: str) -> str:
    """Returns "train" (70 %), "validation" (10 %) or "test" (20 %).

    An object keeps its split when others are added, in any order and on any machine.
    """
    digest = hashlib.sha256(identifier.encode()).digest()
    percent = int.from_bytes(digest[:8], "big") % 100
    return next(name for name, upper in zip(SPLITS, _UPPER_PERCENT, strict=True) if percent < upper)
