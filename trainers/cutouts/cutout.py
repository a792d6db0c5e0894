"""Cutouts, unusable cutouts, and the interface of file readers."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts import band_choice

__all__ = [
    "Cutout",
    "CutoutFile",
    "Found",
    "LeftOut",
    "UnreadableError",
    "Wanted",
    "check_identifiers",
    "identifiers",
    "reason_of",
]


@dataclasses.dataclass(frozen=True, slots=True)
class Cutout:
    """An image of an object.

    Attributes:
        id: Identifier: that of the file's column of identifiers, else the same as `source`.
        source: Where it stands, `file`, `file#extension` or `file[row]`; no two have the same.
        image: (height, width, bands) float32, finite, in the units of the file.
        replaced: Number of its values that were not finite and have been replaced; None where such
            cutouts are left out.
        pixel_scale: Arcsec per pixel; None if unknown.
        seeing: Full width at half maximum of the PSF, arcsec; None if unknown.
    """

    id: str
    source: str
    image: np.ndarray
    replaced: int | None = None
    pixel_scale: float | None = None
    seeing: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """An object or file that could not be used.

    Attributes:
        source: Where it stands; `file[start:stop]` for several rows.
        reason: What is wrong, in some words.
        number: Objects that it stands for; a file that cannot be opened counts as one.
    """

    source: str
    reason: str
    number: int = 1


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Requirements of a reader.

    Attributes:
        shape: (height, width, bands); None for a height or width that may be any.
        column: Column of a table, dataset of an HDF5 file or array of an npz file with the
            cutouts; None for `image`, or the only one that there is.
        id_column: The same for identifiers; None for `id` if there is one.
        extensions: Meaning of the image extensions of a FITS file: "objects" or "bands".
        hdu: Numbers or names of the extensions of a FITS file that are read, in this order; None
            for all.
        picture_bits: Bits of a band that PNG and JPEG pictures must have, 8 or 16; None for
            either.
        scales_pictures: Whether pictures are cut, around the centre, to the ratio of the sides and
            scaled to `shape` (`pads` if there are any), whose height and width are numbers then.
        pads: (height, width, pixels): images of this height and width get so many pixels of zeros
            on each side, which brings them to `shape`; None for none.
        invalid: What becomes of pixels that are NaN, infinite or masked, see
            `trainers.cutouts.invalid_pixels.POLICIES`.
        mask_bits: Bits of the masks in FITS files whose pixels are masked, see
            `trainers.cutouts.mask_planes.value_of`; `trainers.cutouts.fits_masks.NO_BITS` alone to
            read no masks, also of HDF5 files.
        resize: What becomes of images of another height and width, see
            `trainers.cutouts.resizing.POLICIES`; None to refuse them.
        pixel_scale: Arcsec per pixel to which "resample" brings them.
        own_pixel_scale: Arcsec per pixel of images whose file does not say it; None if unknown.
        bands: Names of the bands, in their order; None if unknown.
        own_bands: Names of the planes of the files, as a user states them; None for those of their
            headers. The planes of the names in `bands` are taken.
        units: Units to which pixels are converted, see `trainers.cutouts.unit_conversion.factor`;
            None to take them as they are.
        own_units: Units of all files, as a user states them; None for those of their headers.
        zeropoint: Magnitude (AB) of one unit of the pixels, in place of that of their headers.
    """

    shape: tuple[int | None, int | None, int]
    column: str | None = None
    id_column: str | None = None
    extensions: str = "objects"
    hdu: tuple[int | str, ...] | None = None
    picture_bits: int | None = None
    scales_pictures: bool = False
    pads: tuple[int, int, int] | None = None
    invalid: str = "drop"
    mask_bits: tuple[str, ...] | None = None
    resize: str | None = None
    pixel_scale: float | None = None
    own_pixel_scale: float | None = None
    bands: tuple[str, ...] | None = None
    own_bands: tuple[str, ...] | None = None
    units: str | None = None
    own_units: str | None = None
    zeropoint: float | None = None

    def planes(self, names: Sequence[str] | None) -> tuple[Wanted, list[int] | None]:
        """Returns what is wanted of a file with more bands, and which of its planes these are.

        Args:
            names: Of the planes, by the file; None if it does not say them.

        Returns:
            The requirements for all of its planes, and the places of the bands among them; None
            for all.

        Raises:
            UnreadableError: if bands are missing.
        """
        stated = self.own_bands is not None
        names = self.own_bands if stated else names
        if self.bands is None or names is None:
            return self, None
        try:
            places = band_choice.places(self.bands, names, stated)
        except band_choice.MissingBandsError as error:
            raise UnreadableError(str(error)) from None
        if places is None:
            return self, None
        return dataclasses.replace(self, shape=(*self.shape[:2], len(names))), places

    @property
    def size(self) -> tuple[int | None, int | None]:
        """(height, width) before `pads`."""
        return self.pads[:2] if self.pads is not None else self.shape[:2]

    def chosen(self, names: Sequence[str], what: str) -> str:
        """Returns the name of that with the cutouts.

        Args:
            names: Those that may have them.
            what: What they are, in the plural.

        Raises:
            UnreadableError: if it is not there, or there are several.
        """
        name = self.column or ("image" if "image" in names or len(names) != 1 else names[0])
        if name in names:
            return name
        listed = ", ".join(f"'{name}'" for name in names[:8]) or "none"
        if self.column is None and len(names) > 1:
            raise UnreadableError(
                f"has several {what} with cutouts: {listed}; `column` chooses one"
            )
        raise UnreadableError(f"has no '{name}' among its {what} with cutouts: {listed}")

    def chosen_id(self, names: Sequence[str], what: str) -> str | None:
        """Returns the name of that with the identifiers, None if there is none and none is asked.

        Args:
            names: Those that there are.
            what: What they are, in the plural.

        Raises:
            UnreadableError: if `id_column` is not there.
        """
        name = self.id_column or "id"
        if name in names:
            return name
        if self.id_column is None:
            return None
        raise UnreadableError(f"has no '{name}' among its {what}; `id_column` chooses another")


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """An entry of a file as its reader finds it.

    Attributes:
        place: What follows the name of the file in `source`.
        pixels: Its pixels, not checked yet; or what is wrong with it.
        id: Its identifier; None or empty for none.
        bands_first: Whether bands are the first axis, where the shape leaves it open.
        number: See `LeftOut`.
        pixel_scale: Arcsec per pixel; None if the file does not say it.
        bands: Names of its planes, likewise.
        unit: Unit of its pixels, likewise.
        zeropoint: Magnitude (AB) of that unit, likewise.
        seeing: Full width at half maximum of the PSF, arcsec, likewise.
    """

    place: str
    pixels: np.ndarray | str
    id: str | None = None
    bands_first: bool = False
    number: int = 1
    pixel_scale: float | None = None
    bands: Sequence[str] | None = None
    unit: str | None = None
    zeropoint: float | None = None
    seeing: float | None = None


class UnreadableError(ValueError):
    """A file, or the rest of it, cannot be used; says why."""


class CutoutFile(abc.ABC):
    """The entries of a file, in its order.

    Args:
        path: The file.
        wanted: What is to be read.

    Raises:
        Exception: whatever the library of the format raises for a broken file.
    """

    @abc.abstractmethod
    def __init__(self, path: Path, wanted: Wanted): ...

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of entries, without reading their pixels."""

    @abc.abstractmethod
    def found(self, start: int, stop: int) -> Iterator[Found]:
        """Yields the entries from `start` to `stop`, at best without reading those before.

        Args:
            start: First entry, counted from 0.
            stop: The one after the last.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the file."""


def identifiers(values: Any, number: int) -> list[str]:
    """Returns the values of a column of identifiers as text; empty where there is none.

    Args:
        values: One for each cutout; a single one may stand alone.
        number: Of cutouts.

    Raises:
        UnreadableError: if there are others than one for each.
    """
    if not isinstance(values, list):
        values = np.asarray(values)
        check_identifiers(values.shape, number)
        values = values.reshape(-1).tolist()
    texts = []
    for value in values:
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        texts.append("" if value is None else str(value).strip())
    return texts


def check_identifiers(shape: Sequence[int], number: int) -> None:
    """Checks that there is an identifier for each cutout.

    Args:
        shape: Of the array of identifiers.
        number: Of cutouts.

    Raises:
        UnreadableError: if there are others.
    """
    if tuple(shape) != (number,) and (len(shape) or number != 1):
        raise UnreadableError(
            f"has {number} cutout(s) and identifiers of shape {tuple(shape)}; one for each was "
            "expected"
        )


def reason_of(error: Exception) -> str:
    """Returns in some words why something cannot be read.

    Args:
        error: What a library raised, or an `UnreadableError`.
    """
    # Without advice to programmers.
    text = " ".join(str(error).split()).split(" If this is really a FITS file", 1)[0]
    if isinstance(error, UnreadableError):
        return text
    return f"cannot be read: {text or type(error).__name__}"
