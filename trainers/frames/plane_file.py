"""Planes of a frame on the disk, of which memory holds windows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

__all__ = ["PlaneFile", "strips"]

# Pixels of a strip.
_AT_ONCE = 2**23


class PlaneFile:
    """An array (height, width) in a file without a name, at first of zeros.

    Nothing is mapped into memory: pages of a mapping count as memory of the process. The file goes
    when the process ends, however that happens.

    Args:
        shape: (height, width).
        dtype: Type of the pixels.
        folder: Folder on a disk with room for them; None for that of temporary files.
    """

    def __init__(self, shape: tuple[int, int], dtype: np.dtype | type, folder: Path | None = None):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (until the end)
        os.ftruncate(self._file.fileno(), self.shape[0] * self.shape[1] * self.dtype.itemsize)

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Returns the pixels of a window, (height, width), as an array of one's own.

        Args:
            rows: Rows with start and stop.
            columns: Columns likewise.
        """
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if 2 * width > self.shape[1]:
            whole = np.empty((height, self.shape[1]), self.dtype)
            self._fill(whole, rows.start, 0)
            return np.ascontiguousarray(whole[:, columns])
        window = np.empty((height, width), self.dtype)
        for number, row in enumerate(window, rows.start):
            self._fill(row, number, columns.start)
        return window

    def write(self, rows: slice, columns: slice, values: np.ndarray) -> None:
        """Writes the pixels of a window.

        Args:
            rows: Rows with start and stop.
            columns: Columns likewise.
            values: (height, width).
        """
        values = np.ascontiguousarray(values, self.dtype)
        # Whole rows lie one after the other.
        lines = [values] if values.shape[1] == self.shape[1] else values
        step = 0 if values.shape[1] == self.shape[1] else 1
        for number, line in enumerate(lines):
            place = self._place(rows.start + step * number, columns.start)
            content = memoryview(line).cast("B")
            while content:
                written = os.pwrite(self._file.fileno(), content, place)
                content, place = content[written:], place + written

    def _fill(self, array: np.ndarray, row: int, column: int) -> None:
        place, content = self._place(row, column), memoryview(array).cast("B")
        while content:
            number = os.preadv(self._file.fileno(), [content], place)
            if not number:
                raise OSError("a temporary file of pixels ends early")
            content, place = content[number:], place + number

    def _place(self, row: int, column: int) -> int:
        return (row * self.shape[1] + column) * self.dtype.itemsize


def strips(shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    """Yields rows and columns of strips that cover a frame, of a few megapixels each.

    Args:
        shape: (height, width).
    """
    height, width = shape
    rows = max(1, _AT_ONCE // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height)), slice(0, width)
