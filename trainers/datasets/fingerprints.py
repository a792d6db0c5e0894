"""Hashes by which the content of a split is told from any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

__all__ = ["of_arrays", "of_files"]


def of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns a hash of names, types, shapes and values.

    Args:
        arrays: Numbers or strings, by name.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {values.dtype} {values.shape} ".encode())
        # An array of objects holds addresses.
        is_plain = not values.dtype.hasobject
        digest.update(
            values.reshape(-1).view(np.uint8) if is_plain else repr(values.tolist()).encode()
        )
    return digest.hexdigest()


def of_files(paths: Iterable[Path | str]) -> str:
    """Returns a hash of paths, sizes and times of change, in their order; no file is read.

    Args:
        paths: The files, which must be there.
    """
    digest = hashlib.sha256()
    for path in paths:
        path = Path(path).absolute()
        stat = path.stat()
        digest.update(
            f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode(errors="surrogateescape")
        )
    return digest.hexdigest()
