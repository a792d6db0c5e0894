"""Ellipticities of galaxies before the PSF, by GalSim's adaptive moments and KSB."""

from __future__ import annotations

import galsim
import numpy as np

__all__ = ["ksb_shears"]


def ksb_shears(images: np.ndarray, psfs: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the shears that KSB sees in images of single galaxies.

    Args:
        images: (number, height, width), one band, sky subtracted.
        psfs: (number, rows, columns), the PSF in the same band.
        x: (number,), column at which the galaxy is, px; 0 is the centre of the first pixel.
        y: (number,), row.

    Returns:
        (number, 2), g1 and g2; NaN where the moments do not converge.

    References:
        Kaiser, Squires & Broadhurst 1995 (ApJ 449, 460); Hirata & Seljak 2003 (MNRAS 343, 459).
    """
    shears = np.full((len(images), 2), np.nan)
    for row, (image, psf) in enumerate(zip(images, psfs, strict=True)):
        # GalSim counts pixels from 1.
        centre = galsim.PositionD(float(x[row]) + 1, float(y[row]) + 1)
        result = galsim.hsm.EstimateShear(
            _image(image), _image(psf), shear_est="KSB", guess_centroid=centre, strict=False
        )
        if not result.error_message:
            shears[row] = result.corrected_g1, result.corrected_g2
    return shears


def _image(pixels: np.ndarray) -> galsim.Image:
    return galsim.Image(np.ascontiguousarray(pixels, np.float64))
