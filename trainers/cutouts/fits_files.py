"""Cutouts in FITS files: images, cubes of bands, extensions, and tables with a column of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from trainers.cutouts import band_choice
from trainers.cutouts.companion_planes import is_companion
from trainers.cutouts.cutout import (
    CutoutFile,
    Found,
    UnreadableError,
    Wanted,
    reason_of,
)
from trainers.cutouts.fits_masks import FitsMasks
from trainers.cutouts.fits_tables import FitsTable, image_columns
from trainers.cutouts.fitting import checked_shape
from trainers.cutouts.header_seeing import seeing
from trainers.cutouts.opened_fits import OpenedFits
from trainers.cutouts.pixel_scales import pixel_scale
from trainers.cutouts.unit_conversion import zeropoint_of

__all__ = ["FitsFile", "columns_beside_images"]


class FitsFile(CutoutFile):
    """Each image extension is a cutout, or all together are its bands; or the rows of a table are.

    Extensions with errors, masks and weights are no cutouts, unless `wanted.hdu` names them; pixels
    that a mask or a weight of 0 leaves out have no value, as NaN.

    A table is read if there is no image, or if `wanted.column` is given. What is damaged, or asked
    for and not there, is an entry too, after the rows of a table. See `CutoutFile`.
    """

    def __init__(self, path: Path, wanted: Wanted):
        self._wanted = wanted
        self._file = OpenedFits(path)
        self._masks = FitsMasks(self._file, wanted.mask_bits)
        self._read_facts: dict[int | str, dict[str, Any]] = {}
        # What is wrong with extensions, by their number or the name that was asked for.
        self._wrong: dict[int | str, str] = dict(self._file.damage)
        try:
            self._table: FitsTable | None = None
            if wanted.column is not None or (wanted.hdu is None and not self._file.images):
                self._table = self._chosen_table(path)
                # A table that was asked for has all that was asked for.
                damage = self._wrong.keys() - {self._table.number}
                self._extensions = sorted(damage) if wanted.column is None else []
            else:
                self._extensions = self._chosen_images()
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        if self._table is not None:
            return len(self._table) + len(self._extensions)
        return 1 if self._wanted.extensions == "bands" else len(self._extensions)

    def found(self, start: int, stop: int) -> Iterator[Found]:
        rows = 0
        if self._table is not None:
            rows = len(self._table)
            yield from self._table.found(start, min(stop, rows))
        elif self._wanted.extensions == "bands":
            yield self._bands()
            return
        for extension in self._extensions[max(0, start - rows) : max(0, stop - rows)]:
            place = f"#{extension}" if len(self) > 1 else ""
            yield Found(place, self._pixels(extension), bands_first=True, **self._facts(extension))

    def close(self) -> None:
        self._file.close()

    def _chosen_table(self, path: Path) -> FitsTable:
        if not image_columns(self._file, self._wanted.hdu):
            if self._wrong:
                extension, wrong = next(iter(self._wrong.items()))
                raise UnreadableError(f"extension {extension} {wrong}" if extension else wrong)
            if self._file.images:
                raise UnreadableError(
                    f"has no table for `column`; `hdu` chooses images, {self._file.listed()}"
                )
            if not self._file.tables:
                raise UnreadableError("has no image and no binary table")
        return FitsTable(path, self._file, self._wanted)

    def _chosen_images(self) -> list[int | str]:
        usable = {*self._file.images, *self._file.damage}
        if self._wanted.hdu is None:
            images = [n for n in usable if not is_companion(self._file.name(n))]
            return sorted(images or usable)
        chosen: list[int | str] = []
        for name in self._wanted.hdu:
            called = [number for number in self._file.called(name) if number in usable]
            if not called:
                self._wrong[name] = f"is none of the images, which are {self._file.listed()}"
            chosen += called or [name]
        return list(dict.fromkeys(chosen))

    def _bands(self) -> Found:
        for extension in self._extensions:
            if extension in self._wrong:
                return Found("", f"extension {extension} {self._wrong[extension]}")
        shapes = [_plane(self._file.hdus[number].shape) for number in self._extensions]
        if len(set(shapes)) > 1:
            listed = ", ".join(map(str, sorted(set(shapes))))
            return Found("", f"has images of different shapes: {listed}")
        named = [
            band_choice.of_header(self._file.hdus[number].header, 1) for number in self._extensions
        ]
        names = tuple(name for each in named for name in each or ())
        facts = self._facts(self._extensions[0]) | {
            "bands": names if len(set(names)) == len(named) else None
        }
        of_file, _ = self._wanted.planes(facts["bands"])
        wrong, _ = checked_shape((len(shapes), *shapes[0]), of_file, True)
        if isinstance(wrong, str):
            return Found("", wrong)
        planes = [self._data(number) for number in self._extensions]
        problems = [plane for plane in planes if isinstance(plane, str)]
        if problems:
            return Found("", problems[0])
        planes = [plane.reshape(shapes[0]) for plane in planes]
        return Found("", np.stack(planes), bands_first=True, **facts)

    def _facts(self, extension: int | str) -> dict[str, Any]:
        """Returns what the header of an image says, by the names in `Found`."""
        if extension not in self._read_facts:
            # A look for a keyword takes microseconds, and there are dozens.
            self._read_facts[extension] = self._facts_of_header(extension)
        return self._read_facts[extension]

    def _facts_of_header(self, extension: int | str) -> dict[str, Any]:
        if extension in self._wrong:
            return {}
        hdu, primary = self._file.hdus[extension], self._file.hdus[0]
        headers = [hdu.header] if hdu is primary else [hdu.header, primary.header]
        shape, scale = _plane(hdu.shape), pixel_scale(hdu.header)

        def stated(value_of: Callable[[fits.Header], Any]) -> Any:
            return next((value for value in map(value_of, headers) if value is not None), None)

        return {
            "pixel_scale": scale,
            "seeing": stated(lambda header: seeing(header, scale)),
            "bands": band_choice.of_header(hdu.header, shape[0]) if len(shape) == 3 else None,
            "unit": stated(lambda header: str(header.get("BUNIT") or "").strip() or None),
            "zeropoint": stated(zeropoint_of),
        }

    def _pixels(self, extension: int | str) -> np.ndarray | str:
        if extension in self._wrong:
            return self._wrong[extension]
        # Before it is read: a header may promise more than memory holds.
        try:
            of_file, _ = self._wanted.planes(self._facts(extension).get("bands"))
        except UnreadableError as error:
            return str(error)
        wrong, _ = checked_shape(self._file.hdus[extension].shape, of_file, True)
        if not isinstance(wrong, str):
            return self._data(extension)
        if self._wanted.hdu is None:
            for number, column in image_columns(self._file, None)[:1]:
                wrong += f"; `column={column}` reads table {self._file.label(number)} in its place"
        return wrong

    def _data(self, number: int) -> np.ndarray | str:
        hdu = self._file.hdus[number]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pixels = hdu.data
                del hdu.data
                unknown = self._masks.unknown(number)
        except Exception as error:  # Astropy raises anything for a broken extension.
            return reason_of(error)
        if unknown is None or not unknown.any():
            return pixels
        # As the pixels that have no value in the file itself.
        return np.where(unknown, np.nan, pixels)


def columns_beside_images(path: str | None) -> list[str]:
    """Returns the columns of images in tables that are not read, since images stand beside them.

    Args:
        path: A FITS file; None for none.
    """
    if path is None:
        return []
    try:
        with OpenedFits(Path(path)) as file:
            return [name for _, name in image_columns(file, None)] if file.images else []
    except Exception:  # Astropy raises anything; the file is left out with its reason later.
        return []


def _plane(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the shape of a plane without the axes of length one in front."""
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return shape
