"""The PSF of single exposures of the Canada-France Imaging Survey with MegaCam at the CFHT."""

from __future__ import annotations

import dataclasses
import functools

import galsim
import numpy as np
import scipy.optimize

from tfds_builders.simulation.fourier import Grid, kolmogorov, moffat, sheared_circle

__all__ = ["MOFFAT_BETA", "Psf", "draw_psf"]

MOFFAT_BETA = 4.765

# FWHM of the Moffat part in units of that of the whole; the rest is turbulence. With this much, the
# two parts are about equal.
_MOFFAT_SHARE = 0.65
# Ellipticity (g1 or g2, standard deviation) of the optics and of the turbulence.
_OPTICS_SHEAR = 0.03
_TURBULENCE_SHEAR = 0.01


@dataclasses.dataclass(frozen=True)
class Psf:
    """A Moffat profile convolved with a Kolmogorov profile, both elliptical.

    Attributes:
        fwhm: Of the whole, without the pixel, arcsec.
        optics_shear: (g1, g2) of the Moffat part.
        turbulence_shear: (g1, g2) of the Kolmogorov part.
    """

    fwhm: float
    optics_shear: tuple[float, float]
    turbulence_shear: tuple[float, float]

    def transform(self, grid: Grid) -> np.ndarray:
        """Returns the Fourier transform on a grid, float32, the pixel included."""
        values = moffat(MOFFAT_BETA)(
            grid.stretched(sheared_circle(self.fwhm * _MOFFAT_SHARE, self.optics_shear))
        )
        values *= kolmogorov()(
            grid.stretched(sheared_circle(self.fwhm * _turbulence_share(), self.turbulence_shear))
        )
        values *= grid.pixel
        return values

    def profile(self) -> galsim.GSObject:
        """Returns the same as a GalSim profile of flux 1, without the pixel."""
        (g1, g2), (h1, h2) = self.optics_shear, self.turbulence_shear
        return galsim.Convolve(
            galsim.Moffat(MOFFAT_BETA, fwhm=self.fwhm * _MOFFAT_SHARE).shear(g1=g1, g2=g2),
            galsim.Kolmogorov(fwhm=self.fwhm * _turbulence_share()).shear(g1=h1, g2=h2),
        )


def draw_psf(rng: np.random.Generator, fwhm: float, scatter: float) -> Psf:
    """Draws the PSF of one stamp.

    Args:
        rng: Source of size and ellipticities.
        fwhm: Mean FWHM, arcsec.
        scatter: Of the FWHM about it, standard deviation of its ln.

    References:
        Farrens et al. 2022 (arXiv:2110.08180), section 2.3. It takes the ellipticities of the
        optics from CFIS exposures, which are not public: here they are Gaussian with a standard
        deviation of 0.03 in g1 and g2. It names neither the sizes of the two parts nor the scatter
        of the seeing.
    """
    seeing = fwhm * np.exp(scatter * rng.normal() - 0.5 * scatter**2)
    shears = rng.normal(size=(2, 2)) * [[_OPTICS_SHEAR], [_TURBULENCE_SHEAR]]
    return Psf(float(seeing), *(tuple(map(float, np.clip(each, -0.3, 0.3))) for each in shears))


@functools.cache
def _turbulence_share() -> float:
    """Returns the FWHM of the Kolmogorov part for which that of the whole is 1."""

    def excess(share: float) -> float:
        optics = galsim.Moffat(MOFFAT_BETA, fwhm=_MOFFAT_SHARE)
        # A convolution has no FWHM in closed form; an image of fine pixels has one to 1e-4.
        whole = galsim.Convolve(optics, galsim.Kolmogorov(fwhm=share))
        return whole.drawImage(nx=256, ny=256, scale=0.02, method="no_pixel").calculateFWHM() - 1

    return float(scipy.optimize.brentq(excess, 0.3, 1.0, xtol=1e-4))
