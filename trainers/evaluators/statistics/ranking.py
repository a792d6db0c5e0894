"""Area under the ROC curve of many bootstrap resamples at once.

A resample is written as counts: how often each object was drawn. With the objects sorted by
score, and objects of equal score gathered in groups g,

    AUC = sum_g P_g (sum_{h < g} N_h + N_g / 2) / (P N)

where P_g and N_g count the drawn positives and negatives of the group, P and N all of them. It
is the probability that a positive outranks a negative, ties counting half.

References:
    Hanley and McNeil (1982), Radiology 143, 29; Efron and Tibshirani (1993), An Introduction to
    the Bootstrap, chapter 13 (percentile interval).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from sklearn import metrics

__all__ = [
    "Interval",
    "as_columns",
    "auc",
    "percentile_interval",
    "resample_counts",
    "roc_band",
    "weighted_auc",
]

_CHUNK = 100


@dataclasses.dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    def as_metrics(self, name: str) -> dict[str, float]:
        """Returns the three numbers as `name`, `name_low` and `name_high`."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def as_columns(intervals: Iterable[Interval]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns values, lower and upper ends, (number,) each."""
    value, low, high = np.array([dataclasses.astuple(each) for each in intervals]).T
    return value, low, high


def resample_counts(
    labels: np.ndarray, generator: np.random.Generator, resamples: int = 1000
) -> np.ndarray:
    """Draws bootstrap resamples with replacement within each class.

    Args:
        labels: (number,) integers. Every resample keeps the number of objects of each class.
        generator: Source of randomness.
        resamples: Number of resamples. Default 1000.

    Returns:
        (resamples, number) int32, how often each object was drawn.
    """
    counts = np.zeros((resamples, len(labels)), np.int32)
    for value in np.unique(labels):
        members = np.flatnonzero(labels == value)
        drawn = generator.integers(len(members), size=(resamples, len(members)))
        drawn += len(members) * np.arange(resamples)[:, None]
        flat = np.bincount(drawn.ravel(), minlength=resamples * len(members))
        counts[:, members] = flat.reshape(resamples, len(members))
    return counts


def weighted_auc(positive: np.ndarray, score: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the AUC of each resample.

    Args:
        positive: (number,) bool.
        score: (number,), larger for positives.
        counts: (resamples, number), how often each object was drawn; each resample must hold
            a positive and a negative.

    Returns:
        (resamples,) in [0, 1].
    """
    order = np.argsort(score, kind="stable")
    sorted_score = score[order]
    groups = np.flatnonzero(np.r_[True, sorted_score[1:] != sorted_score[:-1]])
    is_positive = positive[order].astype(np.float64)
    areas = []
    for start in range(0, len(counts), _CHUNK):
        drawn = counts[start : start + _CHUNK][:, order].astype(np.float64)
        positives = np.add.reduceat(drawn * is_positive, groups, axis=1)
        negatives = np.add.reduceat(drawn * (1 - is_positive), groups, axis=1)
        below = np.cumsum(negatives, axis=1) - negatives / 2
        total = positives.sum(axis=1) * negatives.sum(axis=1)
        areas.append((positives * below).sum(axis=1) / total)
    return np.concatenate(areas)


def percentile_interval(value: float, resampled: np.ndarray) -> Interval:
    """Returns the central 95 % of the resampled values around a value."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def auc(positive: np.ndarray, score: np.ndarray, counts: np.ndarray) -> Interval:
    """Returns scikit-learn's AUC with its bootstrap interval; see `weighted_auc` for the Args."""
    value = metrics.roc_auc_score(positive, score)
    return percentile_interval(value, weighted_auc(positive, score, counts))


def roc_band(
    positive: np.ndarray, score: np.ndarray, counts: np.ndarray, grid: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pointwise 95 % band of the ROC curve.

    Args:
        positive, score, counts: As of `weighted_auc`.
        grid: False-positive rates, rising.

    Returns:
        Lower and upper true-positive rate at each point of the grid.
    """
    order = np.argsort(-score, kind="stable")
    sorted_score = score[order]
    last_of_group = np.flatnonzero(np.r_[sorted_score[1:] != sorted_score[:-1], True])
    is_positive = positive[order]
    curves = np.empty((len(counts), len(grid)))
    for row, drawn in enumerate(counts[:, order]):
        rates = []
        for kind in (~is_positive, is_positive):
            cumulative = np.cumsum(drawn * kind)[last_of_group]
            rates.append(np.r_[0, cumulative] / cumulative[-1])
        curves[row] = np.interp(grid, *rates)
    return tuple(np.percentile(curves, [2.5, 97.5], axis=0))
