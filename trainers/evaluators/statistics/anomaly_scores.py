"""Scores of strangeness of feature vectors, learnt from a sample without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

__all__ = ["SCORES", "Score", "principal_components"]

Score = Callable[[np.ndarray], np.ndarray]
"""From (number, dimension) to (number,), larger for stranger objects."""

_TREES = 200
_NEIGHBOURS = 10
# Distance, in standard deviations, of an object from itself after rounding.
_SAME = 1e-5
_COMPONENTS = 5
_MIXTURE_DIMENSION = 20


def _isolation_forest(sample: np.ndarray, seed: int) -> Score:
    """Few random cuts separate a strange object (Liu et al. 2008, ICDM 413)."""
    forest = IsolationForest(n_estimators=_TREES, random_state=seed).fit(sample)
    return lambda points: -forest.score_samples(points)


def _neighbours(sample: np.ndarray, seed: int) -> Score:
    """Mean distance of the ten nearest objects of the sample, in units of each one's scatter.

    An object that is in the sample itself, at distance zero, does not count.
    """
    scaler = StandardScaler().fit(sample)
    number = min(_NEIGHBOURS, len(sample) - 1)
    nearest = NearestNeighbors(n_neighbors=number + 1).fit(scaler.transform(sample))

    def score(points: np.ndarray) -> np.ndarray:
        distance, _ = nearest.kneighbors(scaler.transform(points))
        is_itself = distance[:, 0] < _SAME
        return np.where(is_itself, distance[:, 1:].mean(axis=1), distance[:, :-1].mean(axis=1))

    return score


def _mahalanobis(sample: np.ndarray, seed: int) -> Score:
    """Distance from the mean by the covariance, shrunk (Ledoit & Wolf 2004, JMVA 88, 365)."""
    model = make_pipeline(StandardScaler(), LedoitWolf()).fit(sample)
    return lambda points: np.sqrt(model[1].mahalanobis(model[0].transform(points)))


def _mixture(sample: np.ndarray, seed: int) -> Score:
    """Minus log density of five normal distributions of 20 whitened principal components."""
    dimension = min(_MIXTURE_DIMENSION, *sample.shape)
    density = make_pipeline(
        StandardScaler(),
        PCA(dimension, whiten=True, random_state=seed),
        GaussianMixture(min(_COMPONENTS, len(sample)), reg_covar=1e-3, random_state=seed),
    ).fit(sample)
    return lambda points: -density.score_samples(points)


SCORES: Mapping[str, Callable[[np.ndarray, int], Score]] = {
    "isolation forest": _isolation_forest,
    "nearest neighbours": _neighbours,
    "Mahalanobis": _mahalanobis,
    "Gaussian mixture": _mixture,
}
"""By name, a function that learns a score from a sample (number, dimension) and a seed."""


def principal_components(
    images: np.ndarray, components: int, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the projection of images on the principal components of a sample.

    Pixels are on an asinh scale in units of their standard deviation in the band, averaged in
    blocks so that a side has 64 px at most.

    Args:
        images: The sample, (number, height, width, bands).
        components: Their number, less if the sample has fewer images or pixels.
        seed: Seed of the decomposition.
    """
    stddev = images.std(axis=(0, 1, 2), dtype=np.float64)
    scale = np.where(stddev > 0, stddev, 1.0).astype(np.float32)
    block = -(-max(images.shape[1:3]) // 64)

    def vectors(images: np.ndarray) -> np.ndarray:
        rows, columns = (side // block for side in images.shape[1:3])
        x = images[:, : rows * block, : columns * block]
        x = x.reshape(len(x), rows, block, columns, block, -1).mean(axis=(2, 4))
        return np.arcsinh(x / scale).reshape(len(x), -1)

    with threadpool_limits(limits=1):
        sample = vectors(images)
        pca = PCA(min(components, *sample.shape), svd_solver="randomized", random_state=seed)
        pca.fit(sample)
    return lambda images: pca.transform(vectors(images))
