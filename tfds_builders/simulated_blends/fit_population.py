"""Fits the population of the offline configuration to a COSMOS parametric catalogue.

    python -m tfds_builders.simulated_blends.fit_population cosmos_25.2_parametric_fits.fits

Prints the numbers that stand in `population.py`, and quantiles of the catalogue beside those of
galaxies drawn with them.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence

import numpy as np
import scipy.optimize
import scipy.special
from etils import epath

from tfds_builders.simulated_blends.population import BRIGHT, PIVOT, Population
from tfds_builders.simulation.cosmos_tables import FITS_COLUMNS, good_fits, read_table

__all__ = ["fit", "main", "sersic_fits"]

_FAINT = 25.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the fit and prints it.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    parser = argparse.ArgumentParser(prog="fit_population", description=__doc__)
    parser.add_argument("catalogue", help="FITS table as GalSim distributes it")
    options = parser.parse_args(arguments)
    galaxies = sersic_fits(read_table(epath.Path(options.catalogue), FITS_COLUMNS))
    fitted = fit(*galaxies)
    print(f"{len(galaxies[0])} galaxies with {BRIGHT} < F814W < {_FAINT}")
    for name, value in dataclasses.asdict(fitted).items():
        values = value if isinstance(value, tuple) else (value,)
        print(f"    {name}: {', '.join(f'{each:.4f}' for each in values)}")
    return 0


def sersic_fits(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns magnitudes, radii, Sersic indices and axis ratios of the single Sersic fits.

    Args:
        rows: Of the catalogue.
    """
    magnitude = rows["mag_auto"]
    good = good_fits(rows) & (rows["viable_sersic"] != 0) & (rows["hlr"][:, 0] > 0)
    good &= (magnitude > BRIGHT) & (magnitude < _FAINT)
    fits = rows["sersicfit"][good]
    return magnitude[good], rows["hlr"][good, 0], fits[:, 2], np.clip(fits[:, 3], 0.05, 1.0)


def fit(
    magnitude: np.ndarray, radius: np.ndarray, index: np.ndarray, axis_ratio: np.ndarray
) -> Population:
    """Maximises the likelihood of each distribution of `Population`.

    Args:
        magnitude: F814W, mag.
        radius: Half-light radius, arcsec.
        index: Sersic index; those at the fits' limits of 0.3 and 6 count as beyond them.
        axis_ratio: b / a.
    """
    x = magnitude - PIVOT
    grid = np.linspace(BRIGHT, _FAINT, 1000) - PIVOT

    def counts_loss(p: np.ndarray) -> float:
        density = 10 ** (p[0] * grid + p[1] * grid**2)
        norm = np.trapezoid(density, grid)
        return float(np.log(norm) - np.log(10) * np.mean(p[0] * x + p[1] * x**2))

    def size_loss(p: np.ndarray) -> float:
        scatter = np.maximum(p[3] + p[4] * x, 0.05)
        residual = (np.log(radius) - p[0] - p[1] * x - p[2] * x**2) / scatter
        return float(np.mean(0.5 * residual**2 + np.log(scatter)))

    low, high = index <= 0.3, index >= 5.999
    inside = ~(low | high)

    def index_loss(p: np.ndarray) -> float:
        centre, scatter = p[0] + p[1] * x, np.exp(p[2])
        residual = (np.log(np.clip(index, 0.3, 6.0)) - centre) / scatter
        loss = np.sum((0.5 * residual**2 + 0.5 * np.log(2 * np.pi) + p[2])[inside])
        loss -= np.sum(scipy.special.log_ndtr(residual[low]))
        loss -= np.sum(scipy.special.log_ndtr(-residual[high]))
        return float(loss / len(x))

    clipped = np.clip(axis_ratio, 0.051, 0.999)

    def ratio_loss(p: np.ndarray) -> float:
        mean, g = np.clip(p[0] + p[1] * x, 0.05, 0.95), np.exp(p[2])
        a, b = g * mean, g * (1 - mean)
        log_density = (a - 1) * np.log(clipped) + (b - 1) * np.log1p(-clipped)
        return float(-np.mean(log_density - scipy.special.betaln(a, b)))

    def least(loss, start) -> tuple[float, ...]:
        return tuple(map(float, scipy.optimize.minimize(loss, start, method="Nelder-Mead").x))

    size = least(size_loss, (-1.3, -0.3, 0.0, 0.5, 0.0))
    shape = least(index_loss, (0.2, 0.0, -0.2))
    ratio = least(ratio_loss, (0.5, 0.0, 1.5))
    return Population(
        counts=least(counts_loss, (0.3, 0.0)),
        size=size[:3],
        size_scatter=size[3:],
        index=shape[:2],
        index_scatter=float(np.exp(shape[2])),
        axis_ratio=ratio[:2],
        axis_ratio_concentration=float(np.exp(ratio[2])),
    )


if __name__ == "__main__":
    sys.exit(main())
