"""Headers and extensions of the FITS files of frames."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.wcs import WCS

from trainers.cutouts.cutout import reason_of
from trainers.cutouts.opened_fits import OpenedFits
from trainers.cutouts.sources import FITS
from trainers.errors import UserError

__all__ = ["coordinates", "exposure_of", "name_of", "opened", "unit_of"]

# What a reader of a catalogue wants to know of the exposure.
_KEYWORDS = ("OBJECT", "TELESCOP", "INSTRUME", "FILTER", "DATE-OBS", "EXPTIME")


def name_of(path: Path | str) -> str:
    """Returns a file's name without the endings of FITS files."""
    name = Path(path).name
    suffix = next((end for end in FITS if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)]


@contextlib.contextmanager
def opened(option: str, path: Path) -> Iterator[OpenedFits]:
    """Opens a FITS file.

    Args:
        option: Option that named it, for errors.
        path: The file.

    Raises:
        UserError: if it is missing or no FITS file.
    """
    if not path.is_file():
        raise UserError(f"`{option}={path}` must be a FITS file; there is no such file")
    try:
        file = OpenedFits(path)
    except Exception as error:  # Astropy raises anything for a broken file.
        raise UserError(f"`{option}={path}` cannot be read as FITS: {error}") from None
    with file:
        yield file


def unit_of(headers: Sequence[fits.Header]) -> str:
    """Returns what BUNIT says in the first header that has it; empty if none has."""
    return next((str(one["BUNIT"]).strip() for one in headers if "BUNIT" in one), "")


def exposure_of(headers: Sequence[fits.Header]) -> dict[str, Any]:
    """Returns the keywords of the exposure, of the first header that has each."""
    return {key: one[key] for one in headers[::-1] for key in _KEYWORDS if key in one}


def coordinates(header: fits.Header, hdus: fits.HDUList) -> tuple[WCS | None, str]:
    """Returns the celestial coordinates of an image.

    Args:
        header: Header of the image.
        hdus: All extensions of its file: tables of distortions (CPDIS, D2IM) are among them.

    Returns:
        The coordinates, or None if there are none that can be used; and why not.

    References:
        Calabretta et al., Representations of distortions in FITS world coordinate systems, draft
        of 2004 (CPDIS, as in the images of HST).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Each survey has its own deviations.
            wcs = WCS(header, fobj=hdus)
            if not wcs.has_celestial:
                return None, "its header has none"
            return (wcs if wcs.naxis == 2 else wcs.celestial), ""
    except Exception as error:  # WcsError and its kind, KeyError for a table that is missing, ...
        return None, f"those of its header {reason_of(error)}"
