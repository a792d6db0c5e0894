"""Cutouts in the rows of a binary table of a FITS file."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from trainers.cutouts.cutout import Found, UnreadableError, Wanted, identifiers
from trainers.cutouts.opened_fits import OpenedFits

__all__ = ["FitsTable", "image_columns"]

# Rows of a table that are mapped into memory at a time.
_ROWS = 256


class FitsTable:
    """The rows of the table with the column that is wanted.

    Args:
        path: The file.
        file: The same, opened.
        wanted: What is to be read.

    Attributes:
        number: Of the extension.

    Raises:
        UnreadableError: if there is no such column, or there are several.
    """

    def __init__(self, path: Path, file: OpenedFits, wanted: Wanted):
        self._path, self._file = path, file
        self.number, self._column = _chosen(file, wanted)
        names = file.hdus[self.number].columns.names
        self._id = next(iter(_alike(names, wanted.id_column or "id")), None)
        if self._id is None:
            wanted.chosen_id(names, "columns")  # Tells if one was asked for.
        columns = file.hdus[self.number].columns
        self._nulls = {name: _null(columns[name]) for name in (self._column, self._id) if name}
        self._unit = str(columns[self._column].unit or "").strip() or None
        self._rows = int(file.hdus[self.number].header["NAXIS2"])
        self._place = "" if len(file.tables) == 1 else f"#{self.number}"

    def __len__(self) -> int:
        """Returns the number of rows."""
        return self._rows

    def found(self, start: int, stop: int) -> Iterator[Found]:
        """Yields the rows from `start` to `stop`, see `CutoutFile.found`.

        Raises:
            UnreadableError: if the table is damaged.
        """
        if self.number in self._file.damage:
            raise UnreadableError(self._file.damage[self.number])
        for first in range(start, stop, _ROWS):
            last = min(first + _ROWS, stop)
            with self._opened() as hdu:
                rows = hdu.data[first:last]
                values = {name: np.array(rows[name]) for name in self._nulls}
                del rows
            pixels = values[self._column]
            null = self._nulls[self._column]
            if null is not None:
                pixels = np.where(pixels == null, np.nan, pixels)
            names = self._names(values[self._id]) if self._id else [None] * len(pixels)
            for row, (image, name) in enumerate(zip(pixels, names, strict=True), first):
                yield Found(f"{self._place}[{row}]", image, name, bands_first=True, unit=self._unit)

    def _names(self, values: np.ndarray) -> list[str | None]:
        names = identifiers(values, len(values))
        null = self._nulls[self._id]
        if null is None:
            return names
        return [None if value == null else name for name, value in zip(names, values, strict=True)]

    @contextlib.contextmanager
    def _opened(self) -> Iterator[fits.BinTableHDU]:
        if self._file.is_unpacked:
            yield self._file.hdus[self.number]
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of old headers.
            # Pages of a file stay in memory as long as it is mapped, so it is mapped anew.
            with fits.open(self._path, memmap=True) as hdus:
                yield hdus[self.number]


def image_columns(file: OpenedFits, hdus: Sequence[int | str] | None) -> list[tuple[int, str]]:
    """Returns number of the table and name of each column that may have cutouts.

    Args:
        file: The file.
        hdus: Numbers or names of the extensions that are meant; None for all.
    """
    tables = file.tables
    if hdus is not None:
        meant = [number for name in hdus for number in file.called(name)]
        tables = [number for number in tables if number in meant]
    held = [(number, column) for number in tables for column in file.hdus[number].columns]
    return [(number, column.name) for number, column in held if _has_images(column)]


def _chosen(file: OpenedFits, wanted: Wanted) -> tuple[int, str]:
    """Returns number of the table and name of the column with the cutouts."""
    pairs = image_columns(file, wanted.hdu)
    listed = ", ".join(f"'{name}' of table {file.label(n)}" for n, name in pairs[:8])
    names = [name for _, name in pairs]
    alike = _alike(names, wanted.column or "image")
    meant = [pair for pair in pairs if pair[1] in alike]
    if wanted.column is None and not meant:
        meant = pairs
    if len(meant) == 1:
        return meant[0]
    if not meant:
        name = f" '{wanted.column}'" if wanted.column else ""
        others = f"; there are {listed}" if pairs else ""
        raise UnreadableError(f"has no column{name} with cutouts{others}")
    option = "`column`" if len(set(names)) == len(names) else "`column` or `hdu`"
    raise UnreadableError(f"has several columns with cutouts: {listed}; {option} chooses one")


def _alike(names: Sequence[str], name: str) -> list[str]:
    """Returns those with that name; in FITS capitals do not matter, unless they tell two apart."""
    if name in names:
        return [name]
    return [one for one in names if one.lower() == name.lower()]


def _has_images(column: fits.Column) -> bool:
    return column.dim is not None and column.dim.count(",") in (1, 2) and "A" not in column.format


def _null(column: fits.Column) -> float | None:
    """Returns what stands for nothing in a column of integers (TNULL); Astropy leaves it there."""
    if not isinstance(column.null, int):
        return None
    # TNULL is the number in the file, the values are what it stands for.
    return column.null * (column.bscale or 1) + (column.bzero or 0)
