"""NumPy record arrays from files of unknown origin, read without running anything in them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from etils import epath

from tfds_builders.sdss_star_galaxy import array_pickles

__all__ = ["read_records"]


def read_records(path: epath.Path) -> np.ndarray:
    """Reads the records of one .npy file.

    Files without Python objects are parsed as plain numbers. Those with fields of dtype object
    hold a pickle, which could run any code: here it may build NumPy arrays, numbers and strings
    and nothing else.

    Args:
        path: File written by `numpy.save`, on any file system that TFDS knows.

    Returns:
        One-dimensional structured array.

    Raises:
        ValueError: if the file is truncated, not a .npy file, has no named fields, or holds
            anything but arrays, numbers and strings. The message names the file.
    """
    data = path.read_bytes()
    try:
        array = _parse(data)
    except array_pickles.ForeignObjectError as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        # Broken bytes make NumPy and pickle fail in many ways.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: truncated or not a .npy file ({reason})") from None
    if not isinstance(array, np.ndarray) or array.dtype.names is None or array.ndim > 1:
        raise ValueError(f"{path}: must hold records with named fields; got {_describe(array)}")
    return np.atleast_1d(array)


def _parse(data: bytes) -> Any:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        return array_pickles.load(stream.read())
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    held = len(data) - stream.tell()
    # Before NumPy reserves whatever memory the header asks for.
    if held < expected:
        raise ValueError(f"{expected} bytes of data announced, {held} found")
    stream.seek(0)
    return np.load(stream, allow_pickle=False)


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return f"a {type(value).__name__}"
