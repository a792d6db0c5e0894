"""Planes in which objects with similar embeddings lie side by side."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor

from trainers.errors import UserError
from trainers.evaluators.statistics import embedding

__all__ = ["METHODS", "place"]

METHODS = ("auto", "umap", "tsne", "pca")
"""Methods; auto is UMAP where umap-learn is installed, and t-SNE elsewhere."""

TSNE_OBJECTS = 10_000
"""Objects in the t-SNE; those beyond it lie between their neighbours among these."""

_COMPONENTS = 50
_NEIGHBOURS = 5


def place(vectors: np.ndarray, method: str, seed: int) -> tuple[np.ndarray, str]:
    """Returns the places of objects in a plane, and the name of the method.

    The vectors are scaled to length one, so that near objects are those of a small cosine distance,
    and reduced to 50 principal components.

    Args:
        vectors: (objects, features) float32.
        method: One of `METHODS`.
        seed: Seed.

    Returns:
        (objects, 2) float32 from -1 to 1, the same scale along both axes; "UMAP", "t-SNE" or
        "principal components".

    Raises:
        UserError: if UMAP is not installed.
    """
    if method == "umap" and not embedding.has_umap():
        raise UserError("`plane=umap` needs umap-learn: pip install 'galaxy-model-zoo[umap]'")
    points = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    components = min(_COMPONENTS, *points.shape)
    if points.shape[1] > components:
        points = PCA(components, random_state=seed).fit_transform(points)
    if np.ptp(points, axis=0).max() < 1e-6:
        return np.zeros((len(points), 2), np.float32), "principal components"
    if len(points) < 4 or method == "pca":
        return _scaled(_principal(points, seed)), "principal components"
    if method == "umap" or (method == "auto" and embedding.has_umap()):
        return _scaled(embedding.umap(points, seed)), "UMAP"
    return _scaled(_tsne(points, seed)), "t-SNE"


def _principal(points: np.ndarray, seed: int) -> np.ndarray:
    plane = np.zeros((len(points), 2))
    components = min(2, *points.shape)
    plane[:, :components] = PCA(components, random_state=seed).fit_transform(points)
    return plane


def _tsne(points: np.ndarray, seed: int) -> np.ndarray:
    if len(points) <= TSNE_OBJECTS:
        return embedding.tsne(points, 2, seed)
    order = np.random.default_rng(seed).permutation(len(points))
    first, rest = np.sort(order[:TSNE_OBJECTS]), np.sort(order[TSNE_OBJECTS:])
    plane = np.empty((len(points), 2))
    plane[first] = embedding.tsne(points[first], 2, seed)
    between = KNeighborsRegressor(_NEIGHBOURS, weights="distance", algorithm="brute")
    plane[rest] = between.fit(points[first], plane[first]).predict(points[rest])
    return plane


def _scaled(plane: np.ndarray) -> np.ndarray:
    low, high = plane.min(axis=0), plane.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-12)
    return ((plane - (low + high) / 2) / half).astype(np.float32)
