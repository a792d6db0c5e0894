"""Names of the bits of masks, as the Rubin (LSST) and Subaru (HSC) pipelines write them."""

from __future__ import annotations

from astropy.io import fits

__all__ = ["bits_by_name"]

_PLANE = "MP_"


def bits_by_name(*headers: fits.Header) -> dict[str, int]:
    """Returns the numbers of bits, counted from 0, by their names in capitals.

    Args:
        *headers: Headers with keywords MP_NAME; the first that has a name counts.
    """
    return {
        key[len(_PLANE) :].upper(): int(value)
        for header in reversed(headers)
        for key, value in header.items()
        if key.upper().startswith(_PLANE) and isinstance(value, int) and 0 <= value < 63
    }
