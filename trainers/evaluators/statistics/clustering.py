"""Clusters of feature vectors, their agreement with classes, and their stability."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

__all__ = ["METHODS", "NOISE", "kmeans", "project", "purity", "stability"]

NOISE = -1
"""Label of objects in no cluster."""

_DIMENSION = 20
# Share of the objects in the smallest cluster of HDBSCAN, and of each subsample.
_SMALLEST = 0.01
_SHARE = 0.8

Method = Callable[[np.ndarray, int, int], np.ndarray]
"""From points (number, dimension), a number of clusters and a seed to (number,) labels from 0."""


def project(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Returns vectors in units of their scatter, on 20 principal components at most."""
    dimension = min(_DIMENSION, *vectors.shape)
    steps = make_pipeline(StandardScaler(), PCA(dimension, random_state=seed))
    with threadpool_limits(limits=1):
        return steps.fit_transform(vectors)


def kmeans(points: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Returns the clusters of k-means."""
    return KMeans(clusters, n_init=4, random_state=seed).fit_predict(points)


def _mixture(points: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """The most probable of normal distributions with a covariance each."""
    mixture = GaussianMixture(clusters, reg_covar=1e-3, n_init=2, random_state=seed)
    return mixture.fit_predict(points)


def _ward(points: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Ward's tree, cut at the number of clusters."""
    return AgglomerativeClustering(clusters).fit_predict(points)


def _density(points: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """HDBSCAN, which finds the number of clusters itself and leaves objects out."""
    smallest = max(5, round(_SMALLEST * len(points)))
    return HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(points)


METHODS: Mapping[str, Method] = {
    "Gaussian mixture": _mixture,
    "Ward": _ward,
    "k-means": kmeans,
    "HDBSCAN": _density,
}
"""Ways to find clusters, by name."""


def purity(truth: np.ndarray, clusters: np.ndarray) -> float:
    """Returns the share of objects in the most frequent class of their cluster, in [0, 1].

    Objects in no cluster count as one cluster of their own. It rises with the number of clusters.

    Args:
        truth: (number,) classes.
        clusters: (number,) clusters.
    """
    return float(contingency_matrix(truth, clusters).max(axis=0).sum() / len(truth))


def stability(
    points: np.ndarray, method: Method, clusters: int, seed: int, repeats: int = 4
) -> float:
    """Returns the mean adjusted Rand index of clusterings with other seeds, on other subsamples.

    Each has 80 % of the objects; a pair is compared on those that both have.

    Args:
        points: (number, dimension).
        method: One of `METHODS`.
        clusters: Number of clusters.
        seed: Seed of the subsamples and of the method.
        repeats: Number of clusterings.
    """
    draws = np.random.default_rng(seed)
    labels = np.full((repeats, len(points)), NOISE - 1)
    for repeat in range(repeats):
        chosen = draws.choice(len(points), round(_SHARE * len(points)), replace=False)
        labels[repeat, chosen] = method(points[chosen], clusters, seed + repeat)
    scores = []
    for first in range(repeats):
        for second in range(first):
            both = (labels[first] >= NOISE) & (labels[second] >= NOISE)
            scores.append(adjusted_rand_score(labels[first, both], labels[second, both]))
    return float(np.mean(scores))
