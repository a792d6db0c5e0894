"""Ranks of the right partner in a search from one view of objects to another."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["PairRanks", "of_cosines", "of_distances"]


@dataclasses.dataclass(frozen=True)
class PairRanks:
    """Places of the right partners when all are ordered by their likeness to the query.

    Attributes:
        ranks: (queries,), from 1 for the most alike; partners that are equally alike share the mean
            of their places.
    """

    ranks: np.ndarray

    def recall(self, number: int) -> float:
        """Returns the share of the queries whose partner is among the most alike ones."""
        return float(np.mean(self.ranks <= number))

    @property
    def median(self) -> float:
        """Median rank."""
        return float(np.median(self.ranks))


def of_cosines(first: np.ndarray, second: np.ndarray) -> tuple[PairRanks, PairRanks]:
    """Returns the ranks of searches from the first view to the second, and back.

    Args:
        first: (objects, length), unit vectors.
        second: (objects, length), row by row the partners.
    """
    return _ranks(np.asarray(first, np.float64) @ np.asarray(second, np.float64).T)


def of_distances(first: np.ndarray, second: np.ndarray) -> tuple[PairRanks, PairRanks]:
    """Returns the ranks by Euclidean distance, see `of_cosines`."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    # -|x - y|^2 / 2
    halves = np.sum(first**2, axis=1)[:, None] / 2 + np.sum(second**2, axis=1) / 2
    return _ranks(first @ second.T - halves)


def _ranks(likeness: np.ndarray) -> tuple[PairRanks, PairRanks]:
    own = np.diag(likeness)
    return _along(likeness, own[:, None], axis=1), _along(likeness, own, axis=0)


def _along(likeness: np.ndarray, own: np.ndarray, axis: int) -> PairRanks:
    above = np.sum(likeness > own, axis=axis)
    equal = np.sum(likeness == own, axis=axis) - 1
    return PairRanks(1 + above + equal / 2)
