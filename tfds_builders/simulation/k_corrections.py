"""K-corrections of galaxies from the spectra that GalSim holds."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import galsim
import numpy as np

from tfds_builders.simulation.colours import TEMPLATES

__all__ = ["BANDS", "k_corrections", "rest_magnitudes"]

BANDS = ("u", "g", "r", "i", "z", "y")
"""Bands that have k-corrections, through the LSST's bandpasses."""


def k_corrections(bands: Sequence[str], redshifts: np.ndarray) -> np.ndarray:
    """Returns k-corrections, mag.

        K = -2.5 log10 (int n(lambda / (1 + z)) R dlambda / int n(lambda) R dlambda)

    with n the photons per wavelength of a template of Coleman, Wu & Weedman (1980) and R the
    bandpass: the apparent magnitude is M + distance modulus + K. No evolution.

    Args:
        bands: Some of `BANDS`.
        redshifts: (number,), 0 to 1.5.

    Returns:
        (templates, number, bands), in the order of `tfds_builders.simulation.colours.TEMPLATES`.

    References:
        Hogg et al. 2002 (arXiv astro-ph/0210394), equation 8.
    """
    return np.array(
        [
            [
                [_magnitude(name, band, float(z)) - _magnitude(name, band, 0.0) for band in bands]
                for z in redshifts
            ]
            for name in TEMPLATES
        ]
    )


def rest_magnitudes(bands: Sequence[str]) -> np.ndarray:
    """Returns magnitudes of the templates at redshift 0, (templates, bands), up to a constant each.

    Args:
        bands: Some of `BANDS`.
    """
    return np.array([[_magnitude(name, band, 0.0) for band in bands] for name in TEMPLATES])


@functools.cache
def _magnitude(template: str, band: str, redshift: float) -> float:
    spectrum = galsim.SED(f"CWW_{template}_ext.sed", wave_type="Ang", flux_type="flambda")
    return float(spectrum.atRedshift(redshift).calculateMagnitude(_bandpass(band)))


@functools.cache
def _bandpass(band: str) -> galsim.Bandpass:
    return galsim.Bandpass(f"LSST_{band}.dat", wave_type="nm").thin().withZeropoint("AB")
