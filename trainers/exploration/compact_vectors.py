"""Embeddings in a byte for each component, for searches in a page."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import TruncatedSVD

__all__ = ["COMPONENTS", "compact"]

COMPONENTS = 64
"""Components kept; cosines between vectors change by what the others hold."""


def compact(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Returns vectors in one byte for each component whose cosines are almost those of the input.

    Args:
        vectors: (objects, features) float32, none of them zero.
        seed: Seed of the decomposition.

    Returns:
        (objects, at most `COMPONENTS`) int8, each vector scaled to the range of a byte.
    """
    reduced = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if reduced.shape[1] > COMPONENTS:
        # Not centred, unlike principal components: cosines are about the origin.
        reduced = TruncatedSVD(COMPONENTS, random_state=seed).fit_transform(reduced)
    largest = np.abs(reduced).max(axis=1, keepdims=True)
    return np.round(reduced * (127 / np.maximum(largest, 1e-30))).astype(np.int8)
