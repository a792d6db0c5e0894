"""Ellipticities of galaxies before the PSF, by GalSim's adaptive moments."""

from __future__ import annotations

from collections.abc import Iterator

import galsim
import numpy as np

__all__ = ["ksb_shears", "regauss_distortions"]


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
    for row, result in _estimates(images, psfs, x, y, "KSB"):
        shears[row] = result.corrected_g1, result.corrected_g2
    return shears


def regauss_distortions(
    images: np.ndarray, psfs: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distortions of single galaxies, |e| = (a^2 - b^2) / (a^2 + b^2), by REGAUSS.

    A small shear g changes them by known amounts, d e_i = 2 (g_i - e_i e.g).

    Args:
        images, psfs, x, y: As of `ksb_shears`.

    Returns:
        (number, 2), e1 and e2; and (number,), the resolution factor: 0 for a point, 1 for a galaxy
        much larger than the PSF. NaN where the moments do not converge.

    References:
        Bernstein & Jarvis 2002 (AJ 123, 583), section 2; Hirata & Seljak 2003 (MNRAS 343, 459).
    """
    distortions, resolution = np.full((len(images), 2), np.nan), np.full(len(images), np.nan)
    for row, result in _estimates(images, psfs, x, y, "REGAUSS"):
        distortions[row] = result.corrected_e1, result.corrected_e2
        resolution[row] = result.resolution_factor
    return distortions, resolution


def _estimates(
    images: np.ndarray, psfs: np.ndarray, x: np.ndarray, y: np.ndarray, method: str
) -> Iterator[tuple[int, galsim.hsm.ShapeData]]:
    """Yields index and shape of those that converge."""
    for row, (image, psf) in enumerate(zip(images, psfs, strict=True)):
        # GalSim counts pixels from 1.
        centre = galsim.PositionD(float(x[row]) + 1, float(y[row]) + 1)
        result = galsim.hsm.EstimateShear(
            _image(image), _image(psf), shear_est=method, guess_centroid=centre, strict=False
        )
        if not result.error_message:
            yield row, result


def _image(pixels: np.ndarray) -> galsim.Image:
    return galsim.Image(np.ascontiguousarray(pixels, np.float64))
