"""Accuracy of a classification, and completeness of its classes, in bins of magnitude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trainers.evaluators.statistics.rates import BinnedRates, binned_rates

__all__ = [
    "ALL",
    "magnitude_edges",
    "rate_names",
    "rate_rows",
    "rates_by_magnitude",
]

ALL = "accuracy"
"""Name of the rate of all objects."""

_STEPS = (0.5, 1.0, 2.0)  # mag
_MOST_BINS = 10


def magnitude_edges(magnitude: np.ndarray) -> np.ndarray:
    """Returns edges of at most ten bins, of 0.5, 1 or 2 mag, that hold all magnitudes.

    Args:
        magnitude: (number,), finite.
    """
    low, high = float(np.min(magnitude)), float(np.max(magnitude))
    for step in _STEPS:
        first, last = np.floor(low / step), np.floor(high / step) + 1
        if last - first <= _MOST_BINS:
            break
    return step * np.arange(first, last + 1)


def rate_names(class_names: Sequence[str], positive: int | None = None) -> tuple[str, ...]:
    """Returns names of the accuracy and of the completeness of each class, for columns.

    Args:
        class_names: In the order of the labels.
        positive: Label whose completeness is the true-positive rate, that of the other class being
            the true-negative rate; None for neither.
    """
    names = [ALL]
    for index, name in enumerate(class_names):
        rate = "completeness" if positive is None else "TPR" if index == positive else "TNR"
        names.append(f"{rate} ({name})")
    return tuple(names)


def rates_by_magnitude(
    magnitude: np.ndarray,
    labels: np.ndarray,
    predicted: np.ndarray,
    class_names: Sequence[str],
    edges: np.ndarray,
    positive: int | None = None,
) -> dict[str, BinnedRates]:
    """Returns the rates of right answers by the names of `rate_names`, in bins.

    Args:
        magnitude: (number,).
        labels: (number,) integers.
        predicted: (number,) integers.
        class_names: In the order of the labels.
        edges: (bins + 1,), rising, mag.
        positive: See `rate_names`.
    """
    right = labels == predicted
    members = [np.ones(len(labels), bool), *(labels == index for index in range(len(class_names)))]
    return {
        name: binned_rates(magnitude[member], right[member], edges)
        for name, member in zip(rate_names(class_names, positive), members, strict=True)
    }


def rate_rows(rates: Mapping[str, BinnedRates]) -> list[list[str]]:
    """Returns the rows of a table: bin, number of objects, and every rate with its interval.

    Args:
        rates: Rates by name, in the same bins; that of all objects among them.
    """
    edges = rates[ALL].edges
    return [
        [
            f"{edges[place]:g}-{edges[place + 1]:g}",
            str(objects),
            *(_shown(each, place) for each in rates.values()),
        ]
        for place, objects in enumerate(rates[ALL].objects)
    ]


def _shown(rates: BinnedRates, place: int) -> str:
    if not rates.objects[place]:
        return "-"
    value, low, high = (each[place] for each in (rates.value, rates.low, rates.high))
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
