"""Colours relative to the i band, in the bands of any camera."""

from __future__ import annotations

import functools

import galsim
import numpy as np

from tfds_builders.simulation.colours import TEMPLATES, star_colours

__all__ = ["HIGHEST_REDSHIFT", "galaxy_colours", "star_colours_in"]

HIGHEST_REDSHIFT = 3.0

_REDSHIFTS = np.linspace(0.0, HIGHEST_REDSHIFT, 61)

# Effective wavelengths of u g r i z, nm (LSST).
_WAVELENGTHS = (367.0, 482.0, 622.0, 754.0, 869.0)
# h c / (k nm), kelvin.
_PLANCK = 1.438777e7
_TEMPERATURES = np.geomspace(2000.0, 12000.0, 100)


def galaxy_colours(
    bandpasses: tuple[str, ...], spectral_type: float, redshift: float
) -> np.ndarray:
    """Returns magnitudes relative to i of a galaxy's light.

    Interpolates bilinearly, in magnitudes, a grid made from the spectra of Coleman, Wu & Weedman
    (1980) that GalSim holds. No evolution, no dust beyond the templates' own, and no absorption
    between the galaxies, which would be felt in u beyond a redshift of 2.

    Args:
        bandpasses: Names of GalSim's files.
        spectral_type: Position between the templates, 0 (E) to 3 (Im).
        redshift: 0 to 3.

    Returns:
        (bands,), magnitudes.
    """
    grid = _galaxy_grid(bandpasses)
    row = np.clip(spectral_type, 0, len(TEMPLATES) - 1)
    column = np.clip(redshift, 0, HIGHEST_REDSHIFT) / _REDSHIFTS[1]
    i, j = min(int(row), len(TEMPLATES) - 2), min(int(column), len(_REDSHIFTS) - 2)
    a, b = row - i, column - j
    lower = (1 - b) * grid[i, j] + b * grid[i, j + 1]
    upper = (1 - b) * grid[i + 1, j] + b * grid[i + 1, j + 1]
    return (1 - a) * lower + a * upper


def star_colours_in(bandpasses: tuple[str, ...], g_i: float) -> np.ndarray:
    """Returns magnitudes relative to i of a star on the main sequence.

    The stellar locus in u g r i z, interpolated in wavelength; redwards of z it goes on as a black
    body with the star's g - i (within 0.1 mag of dwarfs of all types in J and H).

    Args:
        bandpasses: Names of GalSim's files.
        g_i: The colour g-i, 0.1 to 4.25 mag.

    Returns:
        (bands,), magnitudes.
    """
    locus = star_colours(g_i)
    wavelengths = np.array([_bandpass(name).effective_wavelength for name in bandpasses])
    colours = np.interp(wavelengths, _WAVELENGTHS, locus)
    excess = _planck_magnitude(482.0, _TEMPERATURES) - _planck_magnitude(754.0, _TEMPERATURES)
    # The colour falls with the temperature.
    temperature = np.interp(g_i, excess[::-1], _TEMPERATURES[::-1])
    infrared = wavelengths > _WAVELENGTHS[-1]
    reference = _planck_magnitude(_WAVELENGTHS[-1], temperature)
    colours[infrared] += _planck_magnitude(wavelengths[infrared], temperature) - reference
    return colours - locus[3]


def _planck_magnitude(wavelength: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    return 2.5 * np.log10(np.expm1(_PLANCK / (wavelength * temperature)) * wavelength**3)


@functools.cache
def _bandpass(name: str) -> galsim.Bandpass:
    return galsim.Bandpass(f"{name}.dat", wave_type="nm").thin().withZeropoint("AB")


@functools.cache
def _galaxy_grid(bandpasses: tuple[str, ...]) -> np.ndarray:
    bands = [_bandpass(name) for name in (*bandpasses, "LSST_i")]
    grid = np.empty((len(TEMPLATES), len(_REDSHIFTS), len(bands)))
    for row, template in enumerate(TEMPLATES):
        spectrum = galsim.SED(f"CWW_{template}_ext.sed", wave_type="Ang", flux_type="flambda")
        for column, redshift in enumerate(_REDSHIFTS):
            seen = spectrum.atRedshift(redshift)
            grid[row, column] = [seen.calculateMagnitude(band) for band in bands]
    return grid[:, :, :-1] - grid[:, :, -1:]
