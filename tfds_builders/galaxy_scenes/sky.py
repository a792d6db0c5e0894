"""Number counts of stars and galaxies, and their places on the sky."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tfds_builders.galaxy_scenes.cameras import Camera
from tfds_builders.galaxy_scenes.sources import Source, draw_star

__all__ = ["GALAXIES", "STARS", "Counts", "DrawGalaxy", "Placed", "draw_sky"]

DrawGalaxy = Callable[[np.random.Generator, float, float | None], Source]
"""Draws a galaxy of an i magnitude, at a redshift or at one that it draws."""

# Distance (arcsec) of a galaxy from the one that it accompanies: scale of an exponential.
_GROUP_SIZE = 6.0


@dataclasses.dataclass(frozen=True)
class Counts:
    """Number counts as a power law that breaks once.

        dN / di = norm 10^(slope (i - knee)) per square arcmin and mag

    Attributes:
        knee: i magnitude at the break.
        norm: There.
        bright_slope: On the bright side.
        faint_slope: On the faint side.
    """

    knee: float
    norm: float
    bright_slope: float
    faint_slope: float

    def density(self, bright: float, faint: float) -> float:
        """Returns the number per square arcmin between two i magnitudes."""
        return float(self._cumulative(faint) - self._cumulative(bright))

    def draw(
        self, rng: np.random.Generator, bright: float, faint: float, number: int
    ) -> np.ndarray:
        """Draws i magnitudes between two limits, (number,)."""
        grid = np.linspace(bright, faint, 2000)
        share = self._cumulative(grid) - self._cumulative(bright)
        return np.interp(rng.uniform(size=number), share / share[-1], grid)

    def _cumulative(self, i: np.ndarray) -> np.ndarray:
        """Returns the number to a magnitude, less that to the break."""
        x = np.asarray(i) - self.knee
        slope = np.where(x < 0, self.bright_slope, self.faint_slope) * np.log(10)
        # A flat part has no exponential.
        flat = np.abs(slope) < 1e-9
        safe = np.where(flat, 1.0, slope)
        return self.norm * np.where(flat, x, np.expm1(safe * x) / safe)


GALAXIES = Counts(knee=22.0, norm=3.86, bright_slope=0.42, faint_slope=0.31)
"""46 10^(0.31 (i - 25)) per square arcmin to i beyond the break (LSST Science Book,
arXiv:0912.0201, equation 3.7); brighter, the slope of the counts of SDSS and CFHTLS."""

STARS = Counts(knee=20.0, norm=0.70, bright_slope=0.16, faint_slope=0.0)
"""At galactic latitudes of 30 to 40 degrees, as in `simulation.population`; at the faint end the
counts of COSMOS."""


@dataclasses.dataclass(frozen=True)
class Placed:
    """A source at its place.

    Attributes:
        source: What it is.
        x: Column of its centre, px; 0 in the centre of the first pixel.
        y: Row of its centre, px.
    """

    source: Source
    x: float
    y: float


def draw_sky(
    rng: np.random.Generator,
    camera: Camera,
    draw_galaxy: DrawGalaxy,
    size: int,
    margin: int,
    bright: float,
    faint: float,
    *,
    crowding: float = 1.0,
    stars: float = 1.0,
    clustering: float = 0.25,
) -> list[Placed]:
    """Draws the sources in a square and around it.

    Numbers are Poisson. A galaxy accompanies one that was drawn before it, with the probability
    `clustering`: at its redshift, in a random direction, at an exponential distance of 6 arcsec in
    the mean. For i < 25.3 a quarter of companions doubles the pairs within 1 arcsec and adds half
    as many within 2.

    Args:
        rng: Source of everything.
        camera: Bands and pixel scale.
        draw_galaxy: Draws a galaxy.
        size: Pixels on a side of the square.
        margin: Pixels around it in which there are sources too.
        bright: i magnitude of the brightest sources.
        faint: i magnitude of the faintest sources.
        crowding: Factor of the counts of galaxies and stars.
        stars: Factor of the counts of stars.
        clustering: Share of galaxies that accompany another.
    """
    side = size + 2 * margin
    area = crowding * (side * camera.pixel_scale / 60) ** 2
    placed: list[Placed] = []

    def draw_place() -> tuple[float, float]:
        x, y = rng.uniform(-margin - 0.5, size + margin - 0.5, 2)
        return float(x), float(y)

    for i in GALAXIES.draw(rng, bright, faint, rng.poisson(area * GALAXIES.density(bright, faint))):
        x, y = draw_place()
        redshift = None
        if placed and rng.uniform() < clustering:
            centre = placed[int(rng.integers(len(placed)))]
            distance = rng.exponential(_GROUP_SIZE / camera.pixel_scale)
            angle = rng.uniform(0, 2 * np.pi)
            # A torus keeps the density at the edges.
            x, y = (
                float((at + step + margin + 0.5) % side - margin - 0.5)
                for at, step in (
                    (centre.x, distance * np.cos(angle)),
                    (centre.y, distance * np.sin(angle)),
                )
            )
            redshift = centre.source.redshift
        placed.append(Placed(draw_galaxy(rng, float(i), redshift), x, y))
    number = rng.poisson(stars * area * STARS.density(bright, faint))
    for i in STARS.draw(rng, bright, faint, number):
        placed.append(Placed(draw_star(rng, float(i), camera), *draw_place()))
    return placed
