"""Cutouts in FITS files: images, cubes of bands, extensions, and tables with a column of them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from astropy.io import fits

from trainers.cutouts.cutout import (
    CutoutFile,
    Found,
    UnreadableError,
    Wanted,
    checked_shape,
    identifiers,
)

__all__ = ["FitsFile"]

# Rows of a table that are mapped into memory at a time.
_ROWS = 256


class FitsFile(CutoutFile):
    """Each image extension is a cutout, or all together are its bands; or the rows of a table are.

    A table is read if there is no image, or if `wanted.column` is given. See `CutoutFile`.
    """

    def __init__(self, path: Path, wanted: Wanted):
        self._path, self._wanted = path, wanted
        self._hdus = self._open_file(memmap=False)
        try:
            self._images = [
                number
                for number, hdu in enumerate(self._hdus)
                if wanted.column is None and hdu.is_image and len(hdu.shape) >= 2
            ]
            self._table = None if self._images else self._table_number()
        except BaseException:
            self._hdus.close()
            raise

    def __len__(self) -> int:
        if self._table is not None:
            return self._rows
        return 1 if self._wanted.extensions == "bands" else len(self._images)

    def found(self, start: int, stop: int) -> Iterator[Found]:
        if self._table is not None:
            return self._found_rows(start, stop)
        if self._wanted.extensions == "bands":
            return self._found_bands()
        return self._found_images(start, stop)

    def close(self) -> None:
        self._hdus.close()

    def _open_file(self, memmap: bool) -> fits.HDUList:
        with warnings.catch_warnings():
            # Old headers, and files cut short: these fail below, where it matters.
            warnings.simplefilter("ignore")
            hdus = fits.open(self._path, memmap=memmap)
            len(hdus)  # Reads the headers.
            return hdus

    def _found_images(self, start: int, stop: int) -> Iterator[Found]:
        for number in self._images[start:stop]:
            place = f"#{number}" if len(self._images) > 1 else ""
            yield Found(place, self._pixels(number), bands_first=True)

    def _found_bands(self) -> Iterator[Found]:
        shapes = [self._hdus[number].shape for number in self._images]
        wrong, _ = checked_shape((len(shapes), *shapes[0]), self._wanted, True)
        if len(set(shapes)) > 1:
            wrong = f"has images of different shapes: {', '.join(map(str, sorted(set(shapes))))}"
        if isinstance(wrong, str):
            yield Found("", wrong)
            return
        planes = [self._pixels(number) for number in self._images]
        problems = [plane for plane in planes if isinstance(plane, str)]
        yield Found("", problems[0] if problems else np.stack(planes), bands_first=True)

    def _pixels(self, number: int) -> np.ndarray | str:
        hdu = self._hdus[number]
        # Before it is read: a header may promise more than memory holds.
        if self._wanted.extensions == "objects":
            shape, _ = checked_shape(hdu.shape, self._wanted, True)
            if isinstance(shape, str):
                return shape
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pixels = hdu.data
                del hdu.data
        except Exception as error:  # Astropy raises anything for a broken extension.
            return f"cannot be read: {' '.join(str(error).split()) or type(error).__name__}"
        return pixels

    def _table_number(self) -> int:
        tables = [n for n, hdu in enumerate(self._hdus) if isinstance(hdu, fits.BinTableHDU)]
        if not tables:
            raise UnreadableError("has no image and no binary table")
        columns = {n: self._hdus[n].columns for n in tables}
        held = {n: [c.name for c in columns[n] if _has_images(c)] for n in tables}
        number = next((n for n in tables if held[n]), tables[0])
        self._column = self._wanted.chosen(held[number], f"columns of table {number}")
        names = columns[number].names
        lower = {name.lower(): name for name in names}
        if self._wanted.id_column is None and "id" in lower:
            self._id = lower["id"]
        else:
            self._id = self._wanted.chosen_id(names, "columns")
        self._rows = int(self._hdus[number].header["NAXIS2"])
        self._place = "" if len(tables) == 1 else f"#{number}"
        return number

    def _found_rows(self, start: int, stop: int) -> Iterator[Found]:
        # A file that was unpacked lies in memory, and is kept open.
        packed = self._path.suffix.lower() == ".gz"
        for first in range(start, stop, _ROWS):
            last = min(first + _ROWS, stop)
            # Pages of a file stay in memory as long as it is mapped, so it is mapped anew.
            opened = contextlib.nullcontext(self._hdus) if packed else self._open_file(memmap=True)
            with opened as hdus:
                rows = hdus[self._table].data[first:last]
                pixels = np.array(rows[self._column])
                names = [None] * len(rows)
                if self._id is not None:
                    names = identifiers(rows[self._id], len(rows))
                del rows
            for row, (image, name) in enumerate(zip(pixels, names, strict=True), first):
                yield Found(f"{self._place}[{row}]", image, name, bands_first=True)


def _has_images(column: fits.Column) -> bool:
    return column.dim is not None and column.dim.count(",") in (1, 2) and "A" not in column.format
