"""Precision of a search for objects like one example."""

from __future__ import annotations

import dataclasses

import numpy as np
from sklearn.neighbors import NearestNeighbors

__all__ = ["Retrieval", "retrieve"]


@dataclasses.dataclass(frozen=True)
class Retrieval:
    """Result of searches with each object of a class as the one example.

    Attributes:
        examples: Objects of the class.
        prevalence: Share of the class among the other objects, at random.
        precision: Mean share of the class among the nearest objects.
        found: Share of the examples that have one of the class among the nearest.
    """

    examples: int
    prevalence: float
    precision: float
    found: float

    @property
    def enrichment(self) -> float:
        """Precision in units of the prevalence: 1 for neighbours at random."""
        return self.precision / self.prevalence


def retrieve(
    vectors: np.ndarray, labels: np.ndarray, number: int = 20, fewest: int = 5
) -> dict[int, Retrieval]:
    """Returns the result of a search for each class; the example itself is not counted.

    Args:
        vectors: (objects, features), compared by the cosine of their angle.
        labels: (objects,) integers from 0; objects with a negative one are left out.
        number: Nearest objects that are looked at. Default 20.
        fewest: Classes of fewer objects are left out. Default 5.

    Raises:
        ValueError: if there are not more objects with a label than `number`.
    """
    labelled = np.flatnonzero(np.asarray(labels) >= 0)
    if len(labelled) <= number:
        raise ValueError(
            f"more than {number} objects must have a label; {len(labelled)} of {len(labels)} have"
        )
    vectors, labels = np.asarray(vectors, np.float32)[labelled], np.asarray(labels)[labelled]
    search = NearestNeighbors(metric="cosine", algorithm="brute").fit(vectors)
    rows = search.kneighbors(vectors, number + 1, return_distance=False)
    # Among objects with the same vector, the example need not be the first.
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    same = labels[rows[~own].reshape(len(rows), number)] == labels[:, None]
    results = {}
    for label in np.unique(labels):
        members = labels == label
        examples = int(members.sum())
        if examples < fewest:
            continue
        results[int(label)] = Retrieval(
            examples,
            (examples - 1) / (len(labels) - 1),
            float(same[members].mean()),
            float(same[members].any(axis=1).mean()),
        )
    return results
