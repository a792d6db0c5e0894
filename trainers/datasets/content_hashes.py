"""Hashes of the contents of splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

__all__ = ["of_arrays", "of_contents", "of_file", "of_files", "of_tfds"]


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


def of_contents(paths: Sequence[Path], names: Sequence[str]) -> str:
    """Returns a hash of names and bytes of files, in their order; copies of them have the same.

    Args:
        paths: The files, all of which are read.
        names: A name for each, in place of its path.
    """
    digest = hashlib.sha256()
    with ThreadPoolExecutor() as pool:
        for name, content in zip(names, pool.map(of_file, paths), strict=True):
            digest.update(f"{name} {content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def of_tfds(info: tfds.core.DatasetInfo, split: str) -> str:
    """Returns what TFDS has noted of a split: examples that change have another version or size.

    Args:
        info: Of a prepared builder.
        split: Name of the split.
    """
    held = info.splits[split]
    return f"{info.full_name} {held.num_examples} examples {held.num_bytes} bytes"


def of_file(path: Path) -> str:
    """Returns the SHA-256 of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
