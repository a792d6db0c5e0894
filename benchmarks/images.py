"""Images to time with: sky noise and one round, exponential source in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["SHAPE", "sources"]

SHAPE = (64, 64, 5)


def sources(number: int, seed: int = 0, shape: Sequence[int] = SHAPE) -> np.ndarray:
    """Returns images, (number, height, width, bands) float32, in arbitrary units of flux.

    Args:
        number: How many.
        seed: Seed of noise, brightnesses and sizes.
        shape: (height, width, bands).
    """
    random = np.random.default_rng(seed)
    height, width, bands = shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)[..., None]
    images = random.standard_normal((number, *shape), np.float32)
    for image in images:
        scale = random.uniform(1.5, 6.0)
        flux = 10 ** random.uniform(2.0, 4.0, bands)
        image += flux / (2 * np.pi * scale**2) * np.exp(-radius / scale)
    return images
