"""Cutouts in npy and npz files, read from their start to their end, and never unpickled."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from trainers.cutouts.cutout import CutoutFile, Found, UnreadableError, Wanted, identifiers

__all__ = ["ArrayFile", "rows_of"]


class ArrayFile(CutoutFile):
    """The first axis of an array counts cutouts, unless the array is one; see `CutoutFile`."""

    def __init__(self, path: Path, wanted: Wanted):
        self._archive = zipfile.ZipFile(path) if path.suffix.lower() == ".npz" else None
        self._names: list[str] | None = None
        try:
            if self._archive is None:
                self._file, size = path.open("rb"), path.stat().st_size
            else:
                self._file, size = self._member(wanted)
            self._read_header(size, wanted)
            if self._archive is not None:
                self._names = self._read_names(wanted)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self._whole + bool(self._lost)

    def found(self, start: int, stop: int) -> Iterator[Found]:
        self._file.seek(self._start + start * self._row_bytes)
        for row in range(start, min(stop, self._whole)):
            if self._rows is not None:
                pixels = self._rows[row]
            else:
                memory = self._file.read(self._row_bytes)
                if len(memory) < self._row_bytes:
                    raise UnreadableError(f"ends within row {row}")
                pixels = np.frombuffer(memory, self._dtype).reshape(self._shape)
            name = None if self._names is None else self._names[row]
            yield Found(f"[{row}]" if self._many else "", pixels, name)
        if stop > self._whole:
            total = self._whole + self._lost
            place = f"[{self._whole}:{total}]" if self._lost > 1 else f"[{self._whole}]"
            reason = f"the file ends before it, after {self._whole} of {total} rows"
            yield Found(place if self._many else "", reason, number=self._lost)

    def close(self) -> None:
        if getattr(self, "_file", None) is not None:
            self._file.close()
        if self._archive is not None:
            self._archive.close()

    def _members(self) -> dict[str, str]:
        return {name.removesuffix(".npy"): name for name in self._archive.namelist()}

    def _member(self, wanted: Wanted) -> tuple[BinaryIO, int]:
        members = self._members()
        shapes = {name: self._shape_of(member) for name, member in members.items()}
        listed = [name for name, shape in shapes.items() if len(shape) >= 2]
        chosen = wanted.chosen(listed, "arrays")
        return self._archive.open(members[chosen]), self._archive.getinfo(members[chosen]).file_size

    def _read_names(self, wanted: Wanted) -> list[str] | None:
        members = self._members()
        name = wanted.chosen_id(list(members), "arrays")
        if name is None:
            return None
        with self._archive.open(members[name]) as file:
            dtype = _header(file)[2]
        if dtype.hasobject:
            raise UnreadableError(
                f"has Python objects in '{name}', which are never unpickled; save text"
            )
        with self._archive.open(members[name]) as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
        return identifiers(values, self._whole + self._lost)

    def _shape_of(self, member: str) -> tuple[int, ...]:
        with self._archive.open(member) as file:
            return _header(file)[0]

    def _read_header(self, size: int, wanted: Wanted) -> None:
        shape, in_columns, self._dtype = _header(self._file)
        self._start, self._rows = self._file.tell(), None
        if self._dtype.hasobject:
            raise UnreadableError("holds Python objects, which are never unpickled; save numbers")
        if self._dtype.names:
            raise UnreadableError(
                f"has records with the fields {', '.join(self._dtype.names)}; save the images "
                "alone, or an npz file with an array for each field"
            )
        self._many, number, self._shape = rows_of(shape, wanted)
        self._row_bytes = self._dtype.itemsize * math.prod(self._shape)
        if not self._row_bytes:
            raise UnreadableError(f"has shape {shape}: no pixels")
        self._whole = min(number, (size - self._start) // self._row_bytes)
        self._lost = number - self._whole
        if in_columns and not self._lost:
            # In Fortran order a cutout is spread over the whole file.
            self._file.seek(0)
            whole = np.lib.format.read_array(self._file, allow_pickle=False)
            self._rows = whole.reshape((number, *self._shape))
        elif in_columns:
            raise UnreadableError("is cut short")


def rows_of(shape: tuple[int, ...], wanted: Wanted) -> tuple[bool, int, tuple[int, ...]]:
    """Returns whether an array holds many cutouts, their number, and the shape of one.

    Three axes are one cutout with bands, unless there is to be one band: then they are many
    without an axis for it.

    Args:
        shape: Of the array.
        wanted: What is to be read.

    Raises:
        UnreadableError: if it can be neither.
    """
    if min(shape, default=0) < 0 or len(shape) not in (2, 3, 4):
        raise UnreadableError(f"has shape {shape}; (number, height, width, bands) was expected")
    one_band = wanted.shape[2] == 1
    if len(shape) == 4 or (len(shape) == 3 and one_band and 1 not in (shape[0], shape[2])):
        return True, shape[0], shape[1:]
    return False, 1, shape


def _header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise UnreadableError(f"is of version {version} of the npy format; 1.0 or 2.0 was expected")
