"""Frames of a survey from FITS files: pixels, masks, coordinates and provenance."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from trainers.cutouts.cutout import UnreadableError
from trainers.cutouts.opened_fits import OpenedFits
from trainers.cutouts.sources import FITS
from trainers.errors import UserError

__all__ = ["Frame", "coordinates", "image_number", "name_of", "read", "unit_of"]

# What a reader of a catalogue wants to know of the exposure.
_KEYWORDS = ("OBJECT", "TELESCOP", "INSTRUME", "FILTER", "DATE-OBS", "EXPTIME")


@dataclasses.dataclass(frozen=True)
class Frame:
    """An image of the sky.

    Attributes:
        path: The file.
        hdu: Number and name of the extension, such as "1 (N2)".
        pixels: (height, width, bands) float32 in the units of the file; zero where masked.
        masked: (height, width) bool, pixels of which one band is not finite or a map says so.
        wcs: Celestial coordinates of the pixels, or None.
        unit: What BUNIT says; may be empty.
        header: Some keywords of the header, for the catalogue.
    """

    path: Path
    hdu: str
    pixels: np.ndarray
    masked: np.ndarray
    wcs: WCS | None
    unit: str
    header: dict[str, Any]

    @property
    def name(self) -> str:
        """The file's name without the endings of FITS files."""
        return name_of(self.path)

    @property
    def pixel_scale(self) -> float | None:
        """Side of a pixel in arcsec, or None."""
        if self.wcs is None:
            return None
        return float(3600 * np.mean(proj_plane_pixel_scales(self.wcs)))

    def sky(self, x: np.ndarray, y: np.ndarray) -> SkyCoord | None:
        """Returns the coordinates (ICRS) of positions in pixels, counted from 0; None without any.

        Args:
            x: (number,), along the rows.
            y: (number,).
        """
        return None if self.wcs is None else self.wcs.pixel_to_world(x, y).icrs


def name_of(path: Path | str) -> str:
    """Returns a file's name without the endings of FITS files."""
    name = Path(path).name
    suffix = next((end for end in FITS if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)]


def read(
    path: Path | str,
    *,
    hdu: int | str | None = None,
    bands: Sequence[int] | None = None,
    mask: Path | str | None = None,
    weight: Path | str | None = None,
) -> Frame:
    """Reads a frame.

    Args:
        path: FITS file, also a compressed one.
        hdu: Number or name of the extension; None for the first one with an image. It holds for
            `mask` and `weight` too.
        bands: Planes of a cube (the first axis of the array), counted from 0; None for all.
        mask: FITS file of the same shape; pixels other than zero are masked.
        weight: FITS file of the same shape; pixels of no positive weight are masked. The weights
            are not used otherwise.

    Raises:
        UserError: if a file is missing, is not FITS, has no such image, or the shapes differ; if
            the frame has no such band, or no pixel that is finite and not masked.
    """
    array, headers, where = _image("frame", path, hdu)
    pixels = _planes(path, array, bands)
    masked = ~np.isfinite(pixels).all(axis=-1)
    for option, other in (("mask", mask), ("weight", weight)):
        if other is None:
            continue
        values = _image(option, other, hdu)[0]
        if values.shape != masked.shape:
            raise UserError(
                f"`{option}={other}` must have the shape of `frame={path}`, {masked.shape}; "
                f"got {values.shape}"
            )
        # A NaN is no positive weight, and no zero of a mask.
        masked |= ~(values == 0) if option == "mask" else ~(values > 0)
    if masked.all():
        raise UserError(
            f"`frame={path}` must have finite pixels that are not masked; all {masked.size} of "
            f"extension {where} are NaN, infinite or masked"
        )
    pixels[masked] = 0
    return Frame(
        path=Path(path),
        hdu=where,
        pixels=pixels,
        masked=masked,
        wcs=coordinates(headers[0]),
        unit=unit_of(headers),
        header={key: one[key] for one in headers[::-1] for key in _KEYWORDS if key in one},
    )


def _image(
    option: str, path: Path | str, hdu: int | str | None
) -> tuple[np.ndarray, tuple[fits.Header, fits.Header], str]:
    path = Path(path)
    if not path.is_file():
        raise UserError(f"`{option}={path}` must be a FITS file; there is no such file")
    try:
        with OpenedFits(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Old headers.
            number = image_number(option, path, file, hdu)
            if number in file.damage:
                raise UnreadableError(f"extension {file.label(number)} {file.damage[number]}")
            # In a mosaic the keywords of the exposure stand in the primary header.
            headers = (file.hdus[number].header, file.hdus[0].header)
            return np.asarray(file.hdus[number].data), headers, file.label(number)
    except UserError:
        raise
    except Exception as error:  # Astropy raises anything for a broken file.
        raise UserError(f"`{option}={path}` cannot be read as FITS: {error}") from None


def image_number(option: str, path: Path, file: OpenedFits, hdu: int | str | None) -> int:
    """Returns the number of the extension with an image.

    Args:
        option: Option that named the file, for errors.
        path: The file.
        file: The same file, opened.
        hdu: Number or name of the extension; None for the first one with an image.

    Raises:
        UserError: if there is none.
    """
    numbers = sorted({*file.images, *file.damage})
    if not numbers:
        raise UserError(
            f"`{option}={path}` has no extension with an image; it has {len(file.hdus)}"
        )
    if hdu is None:
        return numbers[0]
    called = [number for number in file.called(hdu) if number in numbers]
    if called:
        return called[0]
    raise UserError(f"`hdu` must be one of the images of {path}, {file.listed()}; got '{hdu}'")


def _planes(path: Path | str, array: np.ndarray, bands: Sequence[int] | None) -> np.ndarray:
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim not in (2, 3):
        raise UserError(
            f"`frame={path}` must be an image or a cube of bands; got shape {array.shape}"
        )
    cube = array[None] if array.ndim == 2 else array
    bands = range(len(cube)) if bands is None else bands
    for band in bands:
        if not 0 <= band < len(cube):
            raise UserError(
                f"`bands` must be from 0 to {len(cube) - 1} for `frame={path}`; got {band}"
            )
    return np.ascontiguousarray(np.moveaxis(cube[list(bands)], 0, -1), np.float32)


def unit_of(headers: Sequence[fits.Header]) -> str:
    """Returns what BUNIT says in the first header that has it; empty if none has."""
    return next((str(one["BUNIT"]).strip() for one in headers if "BUNIT" in one), "")


def coordinates(header: fits.Header) -> WCS | None:
    """Returns the celestial coordinates of a header, None if it has none that can be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Each survey has its own deviations.
            wcs = WCS(header)
            return wcs.celestial if wcs.has_celestial else None
    except ValueError:  # WcsError and its kind: no coordinates can be had from it.
        return None
