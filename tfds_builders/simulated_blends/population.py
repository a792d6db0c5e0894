"""Galaxies drawn from distributions that were fitted to the COSMOS parametric catalogue.

With m the F814W magnitude and x = m - 23,

    magnitude          density proportional to 10^(a x + b x^2), 18 < m < 25.2
    half-light radius  ln r ~ N(c0 + c1 x + c2 x^2, (d0 + d1 x)^2), arcsec, circularised
    Sersic index       ln n ~ N(e0 + e1 x, f^2), not outside 0.3 to 6
    axis ratio         q ~ Beta(g mu, g (1 - mu)), mu = h0 + h1 x, not below 0.05
    position angle     uniform

The numbers below are the maximum of the likelihood for the catalogue's single Sersic fits, radius,
index and axis ratio independent of each other at a given magnitude (their correlations are below
0.25). `python -m tfds_builders.simulated_blends.fit_population FILE` prints them anew.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from tfds_builders.simulation.fourier import Component
from tfds_builders.simulation.galaxies import SersicGalaxy

__all__ = ["BRIGHT", "FITTED", "PIVOT", "Population", "PopulationGalaxies"]

BRIGHT = 18.0
PIVOT = 23.0
_INDEX_LIMITS = (0.3, 6.0)
_LOWEST_AXIS_RATIO = 0.05

# Sersic indices are rounded to these, as each new one costs a table.
_INDICES = np.round(np.geomspace(*_INDEX_LIMITS, 32), 2)


@dataclasses.dataclass(frozen=True)
class Population:
    """Numbers of the distributions, lowest power of x first.

    Attributes:
        counts: a, b.
        size: c0, c1, c2.
        size_scatter: d0, d1.
        index: e0, e1.
        index_scatter: f.
        axis_ratio: h0, h1.
        axis_ratio_concentration: g.
    """

    counts: tuple[float, float]
    size: tuple[float, float, float]
    size_scatter: tuple[float, float]
    index: tuple[float, float]
    index_scatter: float
    axis_ratio: tuple[float, float]
    axis_ratio_concentration: float

    def magnitudes(self, uniform: np.ndarray, faint: float) -> np.ndarray:
        """Returns F814W magnitudes for uniform deviates between 0 and 1."""
        grid, cumulative = _cumulative(self.counts, faint)
        return np.interp(uniform, cumulative, grid)


FITTED = Population(
    counts=(0.3195, -0.0130),
    size=(-1.2643, -0.3117, -0.0173),
    size_scatter=(0.5544, 0.0232),
    index=(0.3206, -0.0676),
    index_scatter=0.9000,
    axis_ratio=(0.5535, -0.0395),
    axis_ratio_concentration=5.3351,
)


class PopulationGalaxies:
    """Galaxies of a population, a new one whenever one is drawn.

    Args:
        faint: Limit in F814W, mag.
        counts: Counts of a source of magnitude 0.
        population: The distributions.
    """

    def __init__(self, faint: float, counts: float, population: Population = FITTED):
        self._faint = faint
        self._counts = counts
        self._population = population

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[SersicGalaxy]:
        """Draws galaxies; see `GalaxySource`."""
        return [self._galaxy(rng) for _ in range(number)]

    def _galaxy(self, rng: np.random.Generator) -> SersicGalaxy:
        fitted = self._population
        magnitude = float(fitted.magnitudes(rng.uniform(), self._faint))
        x = magnitude - PIVOT
        scatter = np.polynomial.polynomial.polyval(x, fitted.size_scatter)
        radius = np.exp(np.polynomial.polynomial.polyval(x, fitted.size) + scatter * rng.normal())
        index = np.polynomial.polynomial.polyval(x, fitted.index)
        index = np.exp(index + fitted.index_scatter * rng.normal())
        mean = np.clip(np.polynomial.polynomial.polyval(x, fitted.axis_ratio), 0.1, 0.9)
        concentration = fitted.axis_ratio_concentration
        ratio = rng.beta(concentration * mean, concentration * (1 - mean))
        component = Component(
            flux=float(self._counts * 10 ** (-0.4 * magnitude)),
            half_light_radius=float(radius),
            sersic_index=float(_INDICES[np.argmin(np.abs(np.log(_INDICES / index)))]),
            axis_ratio=float(max(ratio, _LOWEST_AXIS_RATIO)),
            position_angle=float(rng.uniform(0, np.pi)),
        )
        return SersicGalaxy((component,), component.half_light_radius)


@functools.cache
def _cumulative(counts: tuple[float, float], faint: float) -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(BRIGHT, faint, 1000)
    x = grid - PIVOT
    density = 10 ** (counts[0] * x + counts[1] * x**2)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return grid, cumulative / cumulative[-1]
