"""Comparison of the units of FITS files with those of the training."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits

from trainers.cutouts import sources
from trainers.cutouts.unit_names import EQUIVALENCIES, parsed

__all__ = ["are_same", "extensions", "first_fits", "of_files"]

# The zero-point of a magnitude is given with three or four digits.
_TOLERANCE = 1e-3


def of_files(paths: Sequence[str]) -> tuple[str, str] | None:
    """Returns the first FITS file and its BUNIT; None without a FITS file or a BUNIT in it."""
    path = first_fits(paths)
    if path is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(Path(path)) as hdus:
                # That of the first image or, where it has none, of the first extension.
                units = [str(hdu.header.get("BUNIT", "")) for hdu in itertools.islice(hdus, 2)]
        except Exception:  # Astropy raises anything; the file is left out with its reason later.
            return None
    named = next((unit.strip() for unit in units if unit.strip()), None)
    return (path, named) if named else None


def first_fits(paths: Sequence[str]) -> str | None:
    """Returns the first FITS file among paths; None if there is none."""
    return next((path for path in paths if path.lower().endswith(sources.FITS)), None)


def extensions(path: str | None) -> list[str]:
    """Returns the names of the extensions with images; none for None or a damaged file."""
    if path is None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(Path(path)) as hdus:
                return [hdu.name for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS")]
        except Exception:  # As in `of_files`.
            return []


def are_same(one: str, other: str) -> bool:
    """Returns whether two names mean the same unit.

    Args:
        one: As a FITS header or a dataset has it, such as "nmgy" or "counts (0-255)".
        other: Likewise.
    """
    first, second = parsed(one), parsed(other)
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    if not first.is_equivalent(second, EQUIVALENCIES):
        return False
    return math.isclose(first.to(second, equivalencies=EQUIVALENCIES), 1.0, rel_tol=_TOLERANCE)
