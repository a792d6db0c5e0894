"""Cutouts, unusable cutouts, and the interface of file readers."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts import invalid_pixels

__all__ = [
    "Cutout",
    "CutoutFile",
    "Found",
    "LeftOut",
    "UnreadableError",
    "Wanted",
    "check_identifiers",
    "checked_shape",
    "fitted",
    "identifiers",
    "reason_of",
]

# No cutout: a frame, or a file that is to fill the memory.
_MOST_PIXELS = 2**27


@dataclasses.dataclass(frozen=True, slots=True)
class Cutout:
    """An image of an object.

    Attributes:
        id: Identifier: that of the file's column of identifiers, else the same as `source`.
        source: Where it stands, `file`, `file#extension` or `file[row]`; no two have the same.
        image: (height, width, bands) float32, finite, in the units of the file.
        replaced: Number of its values that were not finite and have been replaced; None where such
            cutouts are left out.
    """

    id: str
    source: str
    image: np.ndarray
    replaced: int | None = None


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
        invalid: What becomes of pixels that are NaN or infinite, see
            `trainers.cutouts.invalid_pixels.POLICIES`.
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
    """

    place: str
    pixels: np.ndarray | str
    id: str | None = None
    bands_first: bool = False
    number: int = 1


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


def fitted(found: Found, wanted: Wanted) -> np.ndarray | str:
    """Returns the image of an entry, (height, width, bands) float32; or what is wrong with it.

    Args:
        found: The entry.
        wanted: What is to be read.
    """
    pixels = found.pixels
    if isinstance(pixels, str):
        return pixels
    if pixels.dtype.kind not in "biuf":
        return f"has values of type {pixels.dtype}; numbers were expected"
    shape, bands_first = checked_shape(pixels.shape, wanted, found.bands_first)
    if isinstance(shape, str):
        return shape
    pixels = pixels.reshape((shape[2], *shape[:2]) if bands_first else shape)
    if bands_first:
        pixels = np.moveaxis(pixels, 0, -1)
    with np.errstate(over="ignore"):
        image = np.ascontiguousarray(pixels, np.float32)
    image = invalid_pixels.replaced(image, wanted.invalid)
    if isinstance(image, str):
        return image
    if wanted.pads is not None and image.shape[:2] == wanted.pads[:2]:
        sides = (wanted.pads[2],) * 2
        return np.pad(image, (sides, sides, (0, 0)))
    return image


def checked_shape(
    shape: Sequence[int], wanted: Wanted, bands_first: bool
) -> tuple[tuple[int, int, int] | str, bool]:
    """Returns (height, width, bands) and whether bands come first; or what is wrong, and False.

    The shape is that before `Wanted.pads`.

    Args:
        shape: Of the pixels as the file has them.
        wanted: What is to be read.
        bands_first: Whether bands come first, where the number of bands leaves it open.
    """
    height, width, bands = wanted.shape
    given = tuple(shape)
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        shape, bands_first = (*shape, 1), False
    if len(shape) != 3:
        return f"has shape {given}; an image or a cube of bands was expected", False
    if (shape[0] == bands) != (shape[2] == bands):
        bands_first = shape[0] == bands
    shape = (*shape[1:], shape[0]) if bands_first else tuple(shape)
    if shape[2] != bands:
        return f"has {shape[2]} band(s), its shape is {given}; {bands} were expected", False
    sizes = [(height, width), *([wanted.pads[:2]] if wanted.pads else [])]
    if not any(_fits(shape, size) for size in sizes):
        expected = " or ".join(
            "x".join("any" if side is None else str(side) for side in reversed(size))
            for size in sizes
        )
        return f"is {shape[1]}x{shape[0]} px; {expected} px was expected", False
    if not 0 < np.prod(shape, dtype=float) <= _MOST_PIXELS:
        return f"has shape {given}; at most {_MOST_PIXELS} pixels were expected, at least 1", False
    return shape, bands_first


def _fits(shape: Sequence[int], size: Sequence[int | None]) -> bool:
    return all(wanted in (None, actual) for actual, wanted in zip(shape, size, strict=False))


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
