"""Cutouts in a dataset of an HDF5 file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.cutouts import usable_pixels
from trainers.cutouts.array_files import rows_of
from trainers.cutouts.cutout import (
    CutoutFile,
    Found,
    UnreadableError,
    Wanted,
    check_identifiers,
    identifiers,
)
from trainers.cutouts.fits_masks import NO_BITS

__all__ = ["Hdf5File"]

# Read at a time, so that a compressed chunk is not unpacked for each of its rows.
_BLOCK_BYTES = 8 * 2**20

_NUMBERS = "iuf"

# Of the Multimodal Universe: images, where they can be used, and for each band its name, pixel
# scale and width of the PSF.
_IMAGES, _MASKS, _BANDS = "image_array", "image_mask", "image_band"
_SCALES, _WIDTHS = "image_scale", "image_psf_fwhm"
_OBJECT = "object_id"


class Hdf5File(CutoutFile):
    """The first axis of a dataset counts cutouts, unless it is one; see `CutoutFile`.

    Files of the Multimodal Universe are known by their datasets `image_array` and `image_band`. The
    first are the images, with names of bands, pixel scale and PSF beside them, and `object_id` is
    the identifier. Pixels are masked where `image_mask` is false, as the Multimodal Universe's
    scripts for JWST and the Legacy Surveys write it: bool, for each image or each of its bands.
    `NO_BITS` in place of bits leaves it unread. Its `image_ivar` is not read.
    """

    def __init__(self, path: Path, wanted: Wanted):
        self._file = h5py.File(path, "r")
        try:
            # It follows no link, which might lead to another file.
            found: dict[str, tuple[int, ...]] = {}
            self._file.visititems(
                lambda name, item: (
                    found.update({name: item.shape or ()})
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
            # Masks, and names of bands, of some sets lie beside the images.
            images = [
                name
                for name, shape in found.items()
                if len(shape) >= 2 and self._file[name].dtype.kind in _NUMBERS
            ]
            self._is_mmu = {_IMAGES, _BANDS} <= set(found) and wanted.column in (None, _IMAGES)
            if self._is_mmu:
                named = wanted.id_column or (_OBJECT if _OBJECT in found else None)
                wanted = dataclasses.replace(wanted, column=_IMAGES, id_column=named)
            self._images = self._dataset(_named(images, wanted))
            is_masked = self._is_mmu and _MASKS in found and wanted.mask_bits != (NO_BITS,)
            self._masks = self._checked_masks() if is_masked else None
            identifier = _identifier(list(found), self._images.name, wanted)
            self._ids = None if identifier is None else self._dataset(identifier)
            self._many, self._number, self._shape = rows_of(self._images.shape, wanted)
            if self._ids is not None:
                check_identifiers(self._ids.shape, self._number)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._number

    def found(self, start: int, stop: int) -> Iterator[Found]:
        if not self._many:
            yield Found("", self._images[()], self._names(0, 1)[0])
            return
        row_bytes = self._images.dtype.itemsize * math.prod(self._shape)
        step = max(1, _BLOCK_BYTES // max(1, row_bytes))
        for first in range(start, stop, step):
            last = min(first + step, stop)
            images = self._masked(first, last)
            names = self._names(first, last)
            about = self._about(first, last)
            for row, (image, name) in enumerate(zip(images, names, strict=True), first):
                further = {key: values[row - first] for key, values in about.items()}
                yield Found(f"[{row}]", image, name, self._is_mmu, **further)

    def close(self) -> None:
        self._file.close()

    def _names(self, first: int, last: int) -> Sequence[str | None]:
        if self._ids is None:
            return [None] * (last - first)
        where = slice(first, last) if self._ids.shape else ()
        return identifiers(self._ids[where], last - first)

    def _about(self, first: int, last: int) -> dict[str, list[Any]]:
        """Returns bands, pixel scale and seeing of some cutouts, by the attributes of `Found`."""
        if not self._is_mmu:
            return {}
        rows = slice(first, last)
        names = self._dataset(_BANDS)[rows]
        unit = self._images.attrs.get("units")
        about: dict[str, list[Any]] = {
            "bands": [tuple(name.decode("utf-8", "replace") for name in row) for row in names],
            "unit": [unit if isinstance(unit, str) else None] * (last - first),
        }
        for key, name in (("pixel_scale", _SCALES), ("seeing", _WIDTHS)):
            if name in self._file and self._images.shape[1:2] == self._file[name].shape[1:]:
                means = np.mean(self._dataset(name)[rows], axis=-1, dtype=np.float64)
                about[key] = [float(mean) if mean > 0 else None for mean in means]
        return about

    def _checked_masks(self) -> h5py.Dataset:
        masks, shape = self._dataset(_MASKS), self._images.shape
        fits = masks.shape in (shape, (*shape[:1], *shape[2:]))
        kind = f"type {masks.dtype} and shape {masks.shape}"
        usable_pixels.check(_MASKS, masks.dtype == bool, kind, fits)
        return masks

    def _masked(self, first: int, last: int) -> np.ndarray:
        """Returns some images, NaN where they are masked."""
        images = self._images[first:last]
        if self._masks is None:
            return images
        return usable_pixels.masked(images, self._masks[first:last])

    def _dataset(self, name: str) -> h5py.Dataset:
        dataset = self._file[name]
        if dataset.external or dataset.is_virtual:
            raise UnreadableError(f"has the values of '{name}' in other files, which are not read")
        return dataset


def _identifier(names: list[str], images: str, wanted: Wanted) -> str | None:
    """Returns the dataset of the identifiers: of that name, the one in the group of the images."""
    group = images.strip("/").rpartition("/")[0]
    beside = f"{group}/{(wanted.id_column or 'id').strip('/')}".strip("/")
    if beside in names:
        return beside
    if wanted.id_column is not None and wanted.id_column.strip("/") in names:
        return wanted.id_column.strip("/")
    return wanted.chosen_id(names, "datasets")


def _named(images: list[str], wanted: Wanted) -> str:
    # In a group within, a name may be given with or without the slash in front.
    if wanted.column is not None and wanted.column.strip("/") in images:
        return wanted.column.strip("/")
    return wanted.chosen(images, "datasets")
