"""Compression of stamps, in a module that worker processes load without TensorFlow."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["compress"]


def compress(image: np.ndarray, *, runs: bool = False) -> bytes:
    """Returns the array's bytes in zlib's format, by its Huffman coder alone.

    Noise repeats nothing that a search for earlier occurrences could find: without that search a
    float32 stamp of 64 x 64 x 5 takes 0.5 ms where level 1 takes 1.0 ms and the default 8 ms, and
    is 3 % smaller than at level 1 and 15 % larger than by default.

    Args:
        image: Of any shape.
        runs: Whether runs of equal bytes are coded too, as in images with many zeros.
    """
    strategy = zlib.Z_RLE if runs else zlib.Z_HUFFMAN_ONLY
    coder = zlib.compressobj(level=1, strategy=strategy)
    return coder.compress(np.ascontiguousarray(image).tobytes()) + coder.flush()
