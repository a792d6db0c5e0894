"""Redshifts and magnitudes of galaxies in a flux-limited sample."""

from __future__ import annotations

import functools

import numpy as np
import scipy.ndimage
from astropy.cosmology import FlatLambdaCDM

__all__ = ["COSMOLOGY", "EVOLUTION", "FluxLimitedSample", "flux_limited_sample"]

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3)

# Schechter function in r (Blanton et al. 2003, ApJ 592, 819: -20.44 + 5 log h, slope -1.05).
_CHARACTERISTIC, _SLOPE = -21.2, -1.05
EVOLUTION = 1.6
"""Brightening of galaxies with redshift, mag per unit of redshift (Blanton et al. 2003)."""

_BRIGHTEST, _FAINTEST = -24.5, -15.0
_LEAST_REDSHIFT = 0.003
_NODES = 400


class FluxLimitedSample:
    """Galaxies with a Schechter function between two apparent magnitudes.

    Args:
        bright: Lower limit in r, mag.
        faint: Upper limit in r, mag.
        max_redshift: Upper limit of the redshift.
    """

    def __init__(self, bright: float, faint: float, max_redshift: float):
        self._redshifts = np.linspace(_LEAST_REDSHIFT, max_redshift, _NODES)
        distance = COSMOLOGY.distmod(self._redshifts).value
        # A galaxy of average colours is fainter by this much in r.
        dimming = 1.1 * self._redshifts
        magnitudes = np.linspace(_BRIGHTEST, _FAINTEST, _NODES)
        apparent = magnitudes + (distance + dimming)[:, None]
        bright_of_knee = -0.4 * (
            magnitudes - (_CHARACTERISTIC - EVOLUTION * self._redshifts[:, None])
        )
        density = 10 ** (bright_of_knee * (_SLOPE + 1)) * np.exp(-(10**bright_of_knee))
        density *= (apparent > bright) & (apparent < faint)
        volume = COSMOLOGY.differential_comoving_volume(self._redshifts).value
        number = volume * density.sum(axis=1)
        self._cumulative = np.cumsum(number) / number.sum()
        self._modulus = distance + dimming
        # Apparent ones, which stay within the limits where they are interpolated.
        quantiles = np.linspace(0, 1, _NODES)
        self._apparent = np.full((_NODES, _NODES), faint)
        for row, (weights, values) in enumerate(zip(density, apparent, strict=True)):
            allowed = weights > 0
            if allowed.any():
                shares = np.cumsum(weights[allowed]) / weights.sum()
                self._apparent[row] = np.interp(quantiles, shares, values[allowed])

    def draw(self, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns redshifts and apparent r magnitudes for uniform random numbers.

        Args:
            first: (number,), 0 to 1, which decide the redshifts.
            second: (number,), 0 to 1, which decide the magnitudes.
        """
        row = np.interp(first, self._cumulative, np.arange(_NODES))
        places = np.stack([row, second * (_NODES - 1)])
        apparent = scipy.ndimage.map_coordinates(self._apparent, places, order=1, mode="nearest")
        redshift = np.interp(row, np.arange(_NODES), self._redshifts)
        return redshift, apparent

    def absolute_magnitude(self, redshift: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
        """Returns absolute r magnitudes of galaxies of average colours."""
        return magnitude - np.interp(redshift, self._redshifts, self._modulus)


@functools.cache
def flux_limited_sample(bright: float, faint: float, max_redshift: float) -> FluxLimitedSample:
    """Returns the sample of these limits, one for all who ask."""
    return FluxLimitedSample(bright, faint, max_redshift)
