"""Seeing of FITS headers."""

from __future__ import annotations

import math
import re

from astropy.io import fits

__all__ = ["KEYWORDS", "seeing"]

KEYWORDS = ("SEEING", "PSF_FWHM", "PSFFWHM", "FWHM", "IQ", "IQFINAL")
"""Keywords with the full width at half maximum of the PSF of the image itself. Those of a monitor
beside the telescope (DIMM), and of the atmosphere at the zenith, are others."""

# ZTF and CASU have pixels in SEEING, DECam and SDSS arcsec: only the comment decides.
_UNIT = re.compile(r"[\[(]\s*(arcsec|arcseconds?|asec|pix|pixels?)\s*[\])]", re.IGNORECASE)
_AGREEMENT = 0.1  # relative


def seeing(header: fits.Header, pixel_scale: float | None) -> float | None:
    """Returns the full width at half maximum of the PSF, arcsec; None if unknown.

    A keyword counts if its comment has the unit in brackets, as in "[arcsec] Seeing" or "seeing
    (pixels)", since archives differ. If two that count differ by more than a tenth, none does.

    Args:
        header: Of an image.
        pixel_scale: Arcsec per pixel, for values in pixels; None if unknown.
    """
    values = []
    for name in KEYWORDS:
        if name not in header:
            continue
        value, unit = header[name], _UNIT.search(header.comments[name])
        if unit is None or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        scale = pixel_scale if unit[1].lower().startswith("pix") else 1.0
        if scale is not None and 0 < value * scale < math.inf:
            values.append(value * scale)
    if not values or max(values) > (1 + _AGREEMENT) * min(values):
        return None
    return float(values[0])
