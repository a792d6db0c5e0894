"""Bins of rest-frame wavelength, uniform in its logarithm."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

__all__ = ["REST_FRAME", "SPEED_OF_LIGHT", "WIDE", "WITHIN_WIDE", "Bins"]

SPEED_OF_LIGHT = 299792.458
"""km/s."""


@dataclasses.dataclass(frozen=True)
class Bins:
    """Adjacent bins of equal width in log10 of the wavelength.

    Attributes:
        start: log10 of the first edge, A.
        step: Width, dex.
        number: Number of bins.
    """

    start: float
    step: float
    number: int

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """(number + 1,), A."""
        return 10 ** (self.start + self.step * np.arange(self.number + 1))

    @functools.cached_property
    def centres(self) -> np.ndarray:
        """(number,), A: geometric means of the edges."""
        return 10 ** (self.start + self.step * (np.arange(self.number) + 0.5))

    @functools.cached_property
    def widths(self) -> np.ndarray:
        """(number,), A."""
        return np.diff(self.edges)

    @property
    def velocity(self) -> float:
        """Width in km/s."""
        return SPEED_OF_LIGHT * np.log(10) * self.step

    def place(self, wavelength: np.ndarray) -> np.ndarray:
        """Returns wavelengths (A) in units of bins from the first edge."""
        return (np.log10(wavelength) - self.start) / self.step


_STEP = 0.00039
_BELOW, _ABOVE = 908, 361

REST_FRAME = Bins(3.53, _STEP, 1000)
"""Of stored spectra, 3388 to 8318 A in vacuum, 269 km/s each (Portillo et al. 2020)."""

WIDE = Bins(3.53 - _BELOW * _STEP, _STEP, _BELOW + REST_FRAME.number + _ABOVE)
"""Those of model spectra, 1500 to 11500 A, which the bandpasses of redshifted galaxies need."""

WITHIN_WIDE = slice(_BELOW, _BELOW + REST_FRAME.number)
"""Place of `REST_FRAME` in `WIDE`."""
