"""Factors from the units of files to those of the training."""

from __future__ import annotations

import functools

from astropy import units
from astropy.io import fits

from trainers.cutouts.unit_names import EQUIVALENCIES, parsed

__all__ = ["UnitsError", "factor", "zeropoint_of"]

# Magnitude of one count, or of one count per second, by the keywords of pipelines.
_ZEROPOINTS = ("MAGZERO", "MAGZPT", "ZEROPOINT", "ZEROPNT", "PHOTZP", "MAGZP", "ZP")
_DETECTED = (
    *(units.adu, units.DN, units.count, units.electron),
    *(unit / units.s for unit in (units.adu, units.DN, units.count, units.electron)),
)


class UnitsError(ValueError):
    """Pixels cannot be converted to the units of the training."""


def zeropoint_of(header: fits.Header) -> float | None:
    """Returns the magnitude (AB) of one unit of the pixels; None if the header does not say it.

    Args:
        header: Of an image.
    """
    for key in _ZEROPOINTS:
        value = header.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


@functools.lru_cache(maxsize=256)
def factor(own: str | None, wanted: str | None, zeropoint: float | None = None) -> float | None:
    """Returns the number by which pixels are multiplied.

    Fluxes and nanomaggies, maggies and multiples of Jy are converted by the definition of AB
    magnitudes. What a detector counts becomes a flux by 10^(-0.4 zeropoint) maggies each.

    Args:
        own: Units of the pixels, as a FITS header has them; None or empty if unknown.
        wanted: Units of the training, likewise.
        zeropoint: Magnitude (AB) of one unit of the pixels; None if unknown.

    Returns:
        None where a unit is unknown or no unit of pixels, such as "counts (0-255)".

    Raises:
        UnitsError: if both are known and cannot be converted.
    """
    if not own or not wanted or "(" in wanted:
        return None
    first, second = parsed(own), parsed(wanted)
    if isinstance(first, str) or isinstance(second, str):
        return 1.0 if first == second else None
    try:
        return first.to(second, equivalencies=EQUIVALENCIES)
    except units.UnitConversionError:
        pass
    is_flux = second.is_equivalent(units.Jy, EQUIVALENCIES)
    detected = any(first.is_equivalent(unit) for unit in _DETECTED)
    if is_flux and detected and zeropoint is not None:
        flux = 10 ** (-0.4 * zeropoint) * units.mgy
        return flux.to(second, equivalencies=EQUIVALENCIES).value
    hint = "; `zeropoint` states the magnitude of one" if is_flux and detected else ""
    raise UnitsError(f"is in {own}, which cannot be converted to {wanted}{hint}")
