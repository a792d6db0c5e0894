"""Clusters of feature vectors, their agreement with classes, and their stability."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

__all__ = [
    "DIMENSION",
    "KEYS",
    "METHODS",
    "MOST_CLUSTERED",
    "NOISE",
    "cluster_labels",
    "early_late_agreement",
    "kmeans",
    "merged",
    "project",
    "purity",
    "stability",
]

NOISE = -1
"""Label of objects in no cluster."""

DIMENSION = 20
"""Principal components at most in which clusters are found."""

MOST_CLUSTERED = 5000
"""Objects at most among which `cluster_labels` finds clusters."""

# Share of the objects in the smallest cluster of HDBSCAN, and of each subsample.
_SMALLEST = 0.01
_SHARE = 0.8

Method = Callable[[np.ndarray, int, int], np.ndarray]
"""From points (number, dimension), a number of clusters and a seed to (number,) labels from 0."""


def project(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Returns vectors in units of their scatter, on 20 principal components at most."""
    dimension = min(DIMENSION, *vectors.shape)
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

KEYS: Mapping[str, str] = {
    name.lower().replace("-", "").replace(" ", "_"): name for name in METHODS
}
"""The names of `METHODS`, by the name of a column or an option."""


def cluster_labels(
    vectors: np.ndarray, method: str, clusters: int, seed: int, most: int = MOST_CLUSTERED
) -> np.ndarray:
    """Returns the cluster of each vector, (number,) int32, 0 the largest; `NOISE` for none.

    Clusters are found in the space of `project`. Of more than `most` vectors a random sample is
    clustered, and each of the others joins that of the nearest one in it: Ward's tree needs the
    distances of all pairs.

    Args:
        vectors: (number, dimension).
        method: One of `KEYS`.
        clusters: Number of clusters; HDBSCAN chooses it itself.
        seed: Seed of the method and of the sample.
        most: Vectors in the sample. Default 5000.

    Raises:
        ValueError: if there are fewer vectors than clusters.
    """
    if len(vectors) < clusters:
        raise ValueError(
            f"clusters must be at most the number of objects, {len(vectors)}; got {clusters}"
        )
    points = project(vectors, seed)
    order = np.random.default_rng(seed).permutation(len(points))
    chosen, others = np.sort(order[:most]), order[most:]
    labels = np.empty(len(points), np.int32)
    with threadpool_limits(limits=1):
        labels[chosen] = METHODS[KEYS[method]](points[chosen], clusters, seed)
        if len(others):
            nearest = KNeighborsClassifier(1).fit(points[chosen], labels[chosen])
            labels[others] = nearest.predict(points[others])
    names, sizes = np.unique(labels[labels != NOISE], return_counts=True)
    rank = {name: place for place, name in enumerate(names[np.argsort(-sizes, kind="stable")])}
    return np.array([rank.get(label, NOISE) for label in labels], np.int32)


def merged(points: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Returns two groups of clusters, (number,) 0 or 1, by Ward's tree of their centres.

    Objects in no cluster join the group of the nearest centre. One cluster is one group.

    Args:
        points: (number, dimension).
        clusters: (number,) clusters, `NOISE` for none.
    """
    names = np.unique(clusters[clusters != NOISE])
    if len(names) < 2:
        return np.zeros(len(points), int)
    centres = np.stack([points[clusters == name].mean(axis=0) for name in names])
    group = AgglomerativeClustering(2).fit_predict(centres)
    nearest = KNeighborsClassifier(1).fit(centres, names).predict(points)
    return group[np.searchsorted(names, np.where(clusters == NOISE, nearest, clusters))]


def early_late_agreement(early: np.ndarray, groups: np.ndarray) -> float:
    """Returns the share of objects on the right side if one of two groups is called early.

    Which one is chosen for the larger share, so that it is 0.5 at least, and that of the more
    frequent side where the groups say nothing.

    Args:
        early: (number,) booleans.
        groups: (number,) 0 or 1.
    """
    same = float(np.mean(early == (groups == 1)))
    return max(same, 1 - same)


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
) -> float | None:
    """Returns the mean adjusted Rand index of clusterings with other seeds, on other subsamples.

    Each has 80 % of the objects; a pair is compared on those that both have. Objects in no cluster
    count as one group, and two clusterings that find no cluster at all, which would agree
    perfectly, are not compared.

    Args:
        points: (number, dimension).
        method: One of `METHODS`.
        clusters: Number of clusters.
        seed: Seed of the subsamples and of the method.
        repeats: Number of clusterings.

    Returns:
        At most 1, about 0 for clusterings that agree by chance; None if none finds a cluster.
    """
    draws = np.random.default_rng(seed)
    labels = np.full((repeats, len(points)), NOISE - 1)
    for repeat in range(repeats):
        chosen = draws.choice(len(points), round(_SHARE * len(points)), replace=False)
        labels[repeat, chosen] = method(points[chosen], clusters, seed + repeat)
    scores = []
    for one, other in itertools.combinations(labels, 2):
        if max(one.max(), other.max()) > NOISE:
            both = (one >= NOISE) & (other >= NOISE)
            scores.append(adjusted_rand_score(one[both], other[both]))
    return float(np.mean(scores)) if scores else None
