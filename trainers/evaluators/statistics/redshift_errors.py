"""Errors of photometric redshifts: of point estimates, and of densities in bins."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import stats

__all__ = ["OUTLIER", "BinnedScores", "PointErrors", "residuals"]

OUTLIER = 0.05
"""Deviation dz beyond which a redshift is an outlier (Pasquet et al. 2019)."""


def residuals(predicted: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Returns dz = (predicted - z) / (1 + z)."""
    return (predicted - redshift) / (1 + redshift)


@dataclasses.dataclass(frozen=True)
class PointErrors:
    """Statistics of deviations dz.

    Attributes:
        number: Objects.
        sigma_mad: 1.4826 median |dz - median dz|.
        bias: Mean of dz.
        bias_error: Standard error of the mean; NaN for one object.
        outliers: Share with |dz| > 0.05.
    """

    number: int
    sigma_mad: float
    bias: float
    bias_error: float
    outliers: float

    @classmethod
    def of(cls, dz: np.ndarray) -> PointErrors:
        """Measures deviations, (number,), of one object at least."""
        number = len(dz)
        error = float(np.std(dz, ddof=1) / np.sqrt(number)) if number > 1 else np.nan
        return cls(
            number,
            float(stats.median_abs_deviation(dz, scale="normal")),
            float(np.mean(dz)),
            error,
            float(np.mean(np.abs(dz) > OUTLIER)),
        )

    def cells(self) -> list[str]:
        """Returns the numbers as cells of a table."""
        return [
            str(self.number),
            f"{self.sigma_mad:.5f}",
            f"{self.bias:+.5f} +- {self.bias_error:.5f}",
            f"{100 * self.outliers:.2f} %",
        ]


@dataclasses.dataclass(frozen=True)
class BinnedScores:
    """Scores of densities that are constant within bins, one for each object.

        PIT  = F(z)
        CRPS = integral of (F(x) - [x >= z])^2 dx
        CDE  = integral of f(x)^2 dx - 2 f(z)

    F is linear within a bin, so that the integrals are exact. Of a true redshift outside of the
    bins PIT is 0 or 1, f(z) is 0, and CRPS contains its distance from the bins.

    Attributes:
        pit: Probability integral transforms; uniform if the densities are right.
        crps: Continuous ranked probability scores.
        cde: Losses of the conditional density; their mean is the loss up to a constant.

    References:
        Gneiting & Raftery 2007 (JASA 102, 359); Izbicki & Lee 2017 (EJS 11, 2800);
        Schmidt et al. 2020 (MNRAS 499, 1587), for photometric redshifts.
    """

    pit: np.ndarray
    crps: np.ndarray
    cde: np.ndarray

    @classmethod
    def of(cls, pdf: np.ndarray, low: float, high: float, redshift: np.ndarray) -> BinnedScores:
        """Compares densities with true redshifts.

        Args:
            pdf: (number, bins), of integral 1.
            low: Lower edge of the first bin.
            high: Upper edge of the last bin.
            redshift: (number,), true.
        """
        pdf, redshift = np.asarray(pdf, np.float64), np.asarray(redshift, np.float64)
        number, bins = pdf.shape
        width = (high - low) / bins
        mass = pdf * width
        mass /= mass.sum(axis=1, keepdims=True)
        reached = np.concatenate([np.zeros((number, 1)), np.cumsum(mass, axis=1)], axis=1)
        before, after = reached[:, :-1], reached[:, 1:]
        rows = np.arange(number)
        position = np.clip((redshift - low) / width, 0, bins)
        place = np.minimum(position.astype(int), bins - 1)
        share = position - place
        pit = before[rows, place] + share * mass[rows, place]

        # Of a function that is linear from a to b: (a^2 + a b + b^2) / 3 times the width.
        below = _mean_square(before, after)
        above = _mean_square(1 - before, 1 - after)
        index = np.arange(bins)
        whole = np.where(index < place[:, None], below, 0) + np.where(
            index > place[:, None], above, 0
        )
        split = share * _mean_square(before[rows, place], pit)
        split += (1 - share) * _mean_square(1 - pit, 1 - after[rows, place])
        distance = np.maximum(low - redshift, 0) + np.maximum(redshift - high, 0)
        crps = width * (whole.sum(axis=1) + split) + distance

        inside = (redshift >= low) & (redshift <= high)
        at_truth = np.where(inside, mass[rows, place] / width, 0)
        return cls(pit, crps, np.sum(mass**2, axis=1) / width - 2 * at_truth)

    @property
    def ks(self) -> tuple[float, float]:
        """Distance of Kolmogorov and Smirnov of the PIT from uniform, and its p value."""
        result = stats.kstest(self.pit, "uniform")
        return float(result.statistic), float(result.pvalue)


def _mean_square(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    return (start**2 + start * end + end**2) / 3
