"""Colours of stars along the stellar locus and of galaxies from redshifted spectra."""

from __future__ import annotations

import functools

import galsim
import numpy as np

__all__ = ["TEMPLATES", "galaxy_colours", "star_colours"]

TEMPLATES = ("E", "Sbc", "Scd", "Im")

_REDSHIFTS = np.linspace(0.0, 1.5, 76)

# Median locus as polynomials of x = g-i, lowest power first (Covey+07, table 4), 0.1 < x < 4.25.
_U_G = (1.0636113, -1.6267818, 4.9389572, -3.2809081, 0.8725109, -0.0828035)
_G_R = (0.4290263, -0.8852323, 2.0740616, -1.1091553, 0.2397461, -0.0183195)
_I_Z = (-0.2270331, 0.7794558, -0.7350749, 0.3727802, -0.0735412, 0.0049808)


def star_colours(g_i: np.ndarray) -> np.ndarray:
    """Returns u-r, g-r, r-r, i-r, z-r of the median stellar locus.

    Args:
        g_i: (...), the colour g-i along the locus, 0.1 to 4.25 mag.

    Returns:
        (..., 5), magnitudes relative to r.

    References:
        Covey et al. 2007, AJ 134, 2398.
    """
    g_i = np.asarray(g_i)
    u_g, g_r, i_z = (np.polynomial.polynomial.polyval(g_i, c) for c in (_U_G, _G_R, _I_Z))
    i_r = g_r - g_i
    return np.stack([u_g + g_r, g_r, np.zeros_like(g_r), i_r, i_r - i_z], axis=-1)


def galaxy_colours(spectral_type: float, redshift: float) -> np.ndarray:
    """Returns u-r, g-r, r-r, i-r, z-r of a galaxy.

    Interpolates bilinearly, in magnitudes, a grid made from the spectra of Coleman, Wu & Weedman
    (1980) that GalSim holds, through its LSST u g r i z bandpasses. These stand in for the SDSS
    ones, which GalSim lacks: an approximation of some hundredths of a magnitude, more in u and z.
    No evolution and no dust beyond the templates' own.

    Args:
        spectral_type: Position between the `TEMPLATES`, 0 (E) to 3 (Im).
        redshift: 0 to 1.5.
    """
    grid = _colour_grid()
    row = np.clip(spectral_type, 0, len(TEMPLATES) - 1)
    column = np.clip(redshift, 0, _REDSHIFTS[-1]) / _REDSHIFTS[1]
    i, j = min(int(row), len(TEMPLATES) - 2), min(int(column), len(_REDSHIFTS) - 2)
    a, b = row - i, column - j
    lower = (1 - b) * grid[i, j] + b * grid[i, j + 1]
    upper = (1 - b) * grid[i + 1, j] + b * grid[i + 1, j + 1]
    return (1 - a) * lower + a * upper


@functools.cache
def _colour_grid() -> np.ndarray:
    bandpasses = [
        galsim.Bandpass(f"LSST_{band}.dat", wave_type="nm").thin().withZeropoint("AB")
        for band in "ugriz"
    ]
    grid = np.empty((len(TEMPLATES), len(_REDSHIFTS), len(bandpasses)))
    for row, template in enumerate(TEMPLATES):
        spectrum = galsim.SED(f"CWW_{template}_ext.sed", wave_type="Ang", flux_type="flambda")
        for column, redshift in enumerate(_REDSHIFTS):
            seen = spectrum.atRedshift(redshift)
            grid[row, column] = [seen.calculateMagnitude(band) for band in bandpasses]
    return grid - grid[:, :, 2:3]
