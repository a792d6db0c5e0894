"""Galaxies that are brighter than those of a training."""

from __future__ import annotations

import numpy as np

__all__ = ["dimming"]


def dimming(stamps: np.ndarray, noise: np.ndarray, brightest: float) -> np.ndarray:
    """Returns the factors by which stamps are too bright for a model, (number,), 1 or more.

    Args:
        stamps: (number, size, size, bands), the galaxy at the pixel size // 2.
        noise: (bands,), standard deviation of the sky in a pixel.
        brightest: Largest mean of the nine pixels in the middle, sigma of all bands together.
    """
    middle, bands = stamps.shape[1] // 2, stamps.shape[-1]
    core = stamps[:, middle - 1 : middle + 2, middle - 1 : middle + 2]
    peak = np.sum(core / noise, axis=-1).mean(axis=(1, 2)) / np.sqrt(bands)
    return np.maximum(1.0, peak / brightest)
