"""t-SNE, UMAP and Isomap of latents, safe for latents that hardly vary."""

from __future__ import annotations

import importlib.metadata
import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap
from threadpoolctl import threadpool_limits

__all__ = ["NEIGHBOURS", "PERPLEXITY", "has_umap", "isomap", "tsne", "umap"]

NEIGHBOURS = 15
PERPLEXITY = 30.0


def isomap(points: np.ndarray) -> np.ndarray:
    """Returns the first Isomap coordinate of the points, (number,).

    Args:
        points: (number, dimension).

    Raises:
        ValueError: if the points do not vary.

    References:
        Tenenbaum, de Silva and Langford (2000), Science 290, 2319.
    """
    neighbours = min(NEIGHBOURS, len(points) - 1)
    return Isomap(n_components=1, n_neighbors=neighbours).fit_transform(_scaled(points))[:, 0]


def tsne(points: np.ndarray, dimension: int, seed: int) -> np.ndarray:
    """Returns the t-SNE of the points, (number, dimension), started from principal components.

    Args:
        points: (number, dimension of the latents).
        dimension: Dimension of the embedding, 1 or 2.
        seed: Seed.

    Raises:
        ValueError: if the points do not vary.

    References:
        van der Maaten and Hinton (2008), JMLR 9, 2579.
    """
    scaled = _scaled(points)
    # scikit-learn's own start divides by the spread of the components, and ends in a
    # segmentation fault where one of them has none.
    start = np.random.default_rng(seed).normal(0, 1e-5, (len(points), dimension))
    components = min(dimension, scaled.shape[1])
    start[:, :components] += 1e-4 * PCA(components, random_state=seed).fit_transform(scaled)
    method = TSNE(
        dimension,
        perplexity=min(PERPLEXITY, (len(points) - 1) / 3),
        init=start.astype(np.float32),
        random_state=seed,
    )
    # One thread: the order of its sums, and so the picture, must not depend on the machine, and
    # threads that wait for each other at every step crawl when the cores are busy.
    with threadpool_limits(1):
        return method.fit_transform(scaled.astype(np.float32)).astype(np.float64)


def has_umap() -> bool:
    """Returns True if umap-learn is installed (the extra `umap`)."""
    try:
        importlib.metadata.version("umap-learn")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def umap(points: np.ndarray, seed: int) -> np.ndarray:
    """Returns the UMAP of the points in two dimensions, (number, 2); see `has_umap`.

    Args:
        points: (number, dimension of the latents).
        seed: Seed.

    Raises:
        ValueError: if the points do not vary.

    References:
        McInnes, Healy & Melville 2018 (arXiv 1802.03426).
    """
    scaled = _scaled(points)
    with warnings.catch_warnings():
        # It warns that a seed excludes threads.
        warnings.simplefilter("ignore")
        # Its compiler takes seconds to load.
        from umap import UMAP

        neighbours = min(NEIGHBOURS, len(points) - 1)
        method = UMAP(n_neighbors=neighbours, random_state=seed, init="pca")
        return method.fit_transform(scaled.astype(np.float32)).astype(np.float64)


def _scaled(points: np.ndarray) -> np.ndarray:
    # One scale for all axes: both methods look at ratios of distances alone.
    centred = points - points.mean(axis=0)
    spread = np.sqrt((centred**2).mean())
    if len(points) < 4 or not spread > 1e-6 * max(1e-6, np.abs(points).max()):
        raise ValueError(
            f"points must be four at least and must vary; got {len(points)} whose spread is "
            f"{spread:.3g}"
        )
    return centred / spread
