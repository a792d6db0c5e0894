"""Nearest neighbours among embeddings, exactly."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

__all__ = ["METRICS", "check_features", "nearest"]

METRICS = ("cosine", "euclidean")
"""Distances: 1 - cosine of the angle between two vectors, 0 to 2; or the length of their
difference."""


def nearest(
    vectors: np.ndarray, queries: np.ndarray, number: int, metric: str = "cosine"
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of the nearest vectors to each query, and their distances.

    Every vector is compared, some of them at a time: memory does not grow with their number.

    Args:
        vectors: (objects, features) float32.
        queries: (queries, features) float32.
        number: Neighbours of each query, at most as many as there are objects.
        metric: One of `METRICS`. Default "cosine".

    Returns:
        (queries, neighbours) rows and distances, the nearest first.

    Raises:
        ValueError: if the vectors have another length than the queries.
    """
    check_features(queries, vectors.shape[1])
    search = NearestNeighbors(metric=metric, algorithm="brute").fit(vectors)
    distances, rows = search.kneighbors(queries, min(number, len(vectors)))
    return rows, distances


def check_features(queries: np.ndarray, features: int) -> None:
    """Checks the length of queries.

    Args:
        queries: (queries, features).
        features: Length of the vectors of the catalogue.

    Raises:
        ValueError: if they have another one.
    """
    if queries.shape[-1] != features:
        raise ValueError(
            f"queries must have {features} features, as the catalogue has; got {queries.shape[-1]}"
        )
