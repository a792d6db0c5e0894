"""Errors of measured fluxes, in magnitudes and relative to the flux."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import stats

from trainers.evaluators.statistics.ranking import Interval, percentile_interval

__all__ = [
    "FAR_OFF",
    "FluxErrors",
    "binned",
    "bootstrap",
    "colour_error",
    "magnitude_error",
    "robust_scatter",
]

FAR_OFF = 0.75
"""Magnitudes from which on a flux is far off: it is wrong by a factor of two."""


@dataclasses.dataclass(frozen=True)
class FluxErrors:
    """Statistics of the errors of fluxes in one band.

    Attributes:
        number: Fluxes that were measured.
        mean: Of the magnitude errors d, mag.
        median: Of d, mag.
        scatter: Standard deviation of d, mag.
        robust_scatter: 1.4826 median |d - median d|, mag.
        relative: Median of |flux / true - 1|.
        far_off: Share with |d| > 0.75, or with a flux that has no magnitude.
    """

    number: int
    mean: float
    median: float
    scatter: float
    robust_scatter: float
    relative: float
    far_off: float

    @classmethod
    def of(cls, flux: np.ndarray, true: np.ndarray) -> FluxErrors:
        """Compares fluxes with the truth.

        A flux that is zero or negative has no magnitude, and enters `relative` and `far_off` only.

        Args:
            flux: (number,), NaN where the measurement failed; those are left out.
            true: (number,), positive.

        Raises:
            ValueError: if fewer than two fluxes are positive.
        """
        measured = np.isfinite(flux)
        flux, true = flux[measured], true[measured]
        error = magnitude_error(flux, true)
        good = error[np.isfinite(error)]
        if len(good) < 2:
            raise ValueError(f"flux must have at least two positive values; got {len(good)}")
        return cls(
            number=len(flux),
            mean=float(good.mean()),
            median=float(np.median(good)),
            scatter=float(good.std()),
            robust_scatter=robust_scatter(good),
            relative=float(np.median(np.abs(flux / true - 1))),
            far_off=float(np.mean(~(np.abs(error) <= FAR_OFF))),
        )


def magnitude_error(flux: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Returns -2.5 log10(flux / true) of the same shape; NaN where the flux is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(flux > 0, -2.5 * np.log10(flux / true), np.nan)


def colour_error(flux: np.ndarray, true: np.ndarray, blue: int, red: int) -> np.ndarray:
    """Returns the error of the colour blue - red, (number,) mag; NaN where there is none.

    Args:
        flux: (number, bands).
        true: Of the same shape.
        blue, red: Indices of the bands.
    """
    error = magnitude_error(flux, true)
    return error[:, blue] - error[:, red]


def robust_scatter(values: np.ndarray) -> float:
    """Returns 1.4826 times the median absolute deviation, sigma of a normal distribution."""
    return float(stats.median_abs_deviation(values, scale="normal"))


def bootstrap(
    statistic: Callable[[np.ndarray], float],
    values: np.ndarray,
    generator: np.random.Generator,
    resamples: int = 300,
) -> Interval:
    """Returns a statistic with its 95 % interval from resampled values.

    Args:
        statistic: From (number, ...) to a number.
        values: (number, ...), one at least.
        generator: Source of randomness.
        resamples: Number of resamples. Default 300.
    """
    drawn = generator.integers(len(values), size=(resamples, len(values)))
    return percentile_interval(statistic(values), np.array([statistic(values[i]) for i in drawn]))


def binned(
    statistic: Callable[[np.ndarray], float],
    values: np.ndarray,
    place: np.ndarray,
    edges: np.ndarray,
    generator: np.random.Generator,
    fewest: int = 10,
) -> list[Interval | None]:
    """Returns a statistic with its interval in each bin, None in one with too few values.

    Args:
        statistic: From (number,) to a number.
        values: (number,); those that are not finite are left out.
        place: (number,), on the axis of the bins.
        edges: (bins + 1,), rising; a bin holds its lower edge, the last one both.
        generator: Source of randomness.
        fewest: Values that a bin needs. Default 10.
    """
    finite = np.isfinite(values)
    index = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(edges) - 2)
    inside = finite & (place >= edges[0]) & (place <= edges[-1])
    members = [values[inside & (index == number)] for number in range(len(edges) - 1)]
    return [
        bootstrap(statistic, each, generator) if len(each) >= fewest else None for each in members
    ]
