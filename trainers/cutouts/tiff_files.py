"""Cutouts in TIFF files: numbers of any type, as arrays and not as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import tifffile

from trainers.cutouts.array_files import rows_of
from trainers.cutouts.cutout import CutoutFile, Found, UnreadableError, Wanted

__all__ = ["TiffFile"]

# A damaged header may state any size.
_MOST_BYTES = 2**30


class TiffFile(CutoutFile):
    """The pages, or the samples of a pixel, are bands; with one band, pages are cutouts.

    The first series of pages of one size and type is read; see `CutoutFile`.
    """

    def __init__(self, path: Path, wanted: Wanted):
        with tifffile.TiffFile(path) as file:
            if not file.series:
                raise UnreadableError("has no image")
            series = file.series[0]
            size = math.prod(series.shape) * series.dtype.itemsize
            if size > _MOST_BYTES:
                raise UnreadableError(f"has {size} bytes of pixels; at most {_MOST_BYTES} are read")
            pixels = series.asarray()
            # "S" are the samples of a pixel: bands behind the columns.
            self._bands_first = not series.axes.endswith("S")
        self._many, number, shape = rows_of(pixels.shape, wanted)
        self._pixels = pixels.reshape((number, *shape))

    def __len__(self) -> int:
        return len(self._pixels)

    def found(self, start: int, stop: int) -> Iterator[Found]:
        for row, pixels in enumerate(self._pixels[start:stop], start):
            place = f"[{row}]" if self._many else ""
            yield Found(place, pixels, bands_first=self._bands_first)

    def close(self) -> None:
        pass
