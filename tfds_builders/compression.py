"""Compression of stamps, in a module that worker processes load without TensorFlow."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["compress"]


def compress(image: np.ndarray) -> bytes:
    """Returns the array's bytes, compressed by zlib at its fastest level.

    Level 1 takes 2 ms for a float32 stamp of 64 x 64 x 5 where zlib's default takes 14 ms and
    gains a sixth in size.
    """
    return zlib.compress(np.ascontiguousarray(image).tobytes(), level=1)
