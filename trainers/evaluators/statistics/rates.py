"""Accuracies with their binomial uncertainty.

References:
    Wilson (1927), JASA 22, 209; Brown, Cai and DasGupta (2001), Statistical Science 16, 101
    (interval of a fraction); Agresti (2013), Categorical Data Analysis, section 11.1 (difference
    of two fractions of the same objects).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from astropy.stats import binom_conf_interval

from trainers.evaluators.statistics.ranking import Interval

__all__ = ["BinnedRates", "binned_rates", "gain", "rate", "wilson_interval"]

_TWO_SIDED_95 = 1.959964


@dataclasses.dataclass(frozen=True)
class BinnedRates:
    """Fractions of right answers in bins of some quantity.

    Attributes:
        edges: (bins + 1,), rising.
        objects: (bins,), numbers of objects.
        value: (bins,), fractions; NaN in a bin without objects.
        low: (bins,), lower ends of the 95 % intervals.
        high: (bins,), upper ends.
    """

    edges: np.ndarray
    objects: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        """(bins,), middles of the bins."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def wilson_interval(right: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of Wilson's 95 % interval of a fraction; NaN where there are no objects.

    Args:
        right: Numbers of right answers.
        number: Numbers of objects, of the same shape.
    """
    right, number = np.asarray(right), np.asarray(number)
    low, high = binom_conf_interval(
        np.where(number > 0, right, 0), np.maximum(number, 1), confidence_level=0.95
    )
    return np.where(number > 0, low, np.nan), np.where(number > 0, high, np.nan)


def rate(right: np.ndarray) -> Interval:
    """Returns the fraction of right answers with Wilson's 95 % interval.

    Args:
        right: (number,) bool; without objects all is NaN.
    """
    low, high = wilson_interval(np.sum(right), len(right))
    value = np.mean(right) if len(right) else np.nan
    return Interval(float(value), float(low), float(high))


def gain(first: np.ndarray, second: np.ndarray) -> Interval:
    """Returns how much more often the first is right than the second, on the same objects.

        d = (b - c) / n,   var d = ((b + c) / n - d^2) / n

    where b counts the objects that only the first got right, c those that only the second did;
    the 95 % interval is d +- 1.96 sqrt(var d).

    Args:
        first: (number,) bool.
        second: (number,) bool; without objects all is NaN.
    """
    if not len(first):
        return Interval(np.nan, np.nan, np.nan)
    difference = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    value = difference.mean()
    half = _TWO_SIDED_95 * np.sqrt(difference.var() / len(difference))
    return Interval(float(value), float(value - half), float(value + half))


def binned_rates(values: np.ndarray, right: np.ndarray, edges: np.ndarray) -> BinnedRates:
    """Returns the fraction of right answers in each bin.

    Args:
        values: (number,), by which the objects are sorted into bins; those outside are left out.
        right: (number,) bool.
        edges: (bins + 1,), rising; a bin holds its lower edge, the last one both.
    """
    objects, _ = np.histogram(values, edges)
    correct, _ = np.histogram(values[np.asarray(right, bool)], edges)
    value = np.divide(correct, objects, out=np.full(len(objects), np.nan), where=objects > 0)
    return BinnedRates(np.asarray(edges), objects, value, *wilson_interval(correct, objects))
