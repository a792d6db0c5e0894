"""Defects of exposures in scenes: cosmic rays, columns without data, trails of satellites."""

from __future__ import annotations

import numpy as np

from tfds_builders.simulation.artefacts import add_ray

__all__ = ["FOREIGN", "NO_DATA", "add_defects"]

NO_DATA, FOREIGN = 1, 2
"""Values of the mask: pixels without data, and pixels with light that is not of the sky's."""

# Sigma of the sky in a pixel of a cosmic ray's track (median), and at the ridge of a trail.
_RAY, _TRAIL = 40.0, (2.0, 30.0)
# Standard deviation of a trail across, px, and distance from its ridge that is masked.
_TRAIL_WIDTHS, _TRAIL_MASKED = (1.0, 2.5), 3.0


def add_defects(
    image: np.ndarray, noise_sigma: np.ndarray, fraction: float, rng: np.random.Generator
) -> np.ndarray:
    """Adds defects to a scene, in place, each kind with a probability and in one band.

    - cosmic rays: one to three straight tracks, not smoothed by the PSF;
    - columns without data: one to three, over the whole scene, set to zero;
    - trail of a satellite: a straight line across the scene, Gaussian across.

    Args:
        image: (bands, size, size).
        noise_sigma: (bands,), of the sky.
        fraction: Probability of each kind.
        rng: Source of everything.

    Returns:
        (bands, size, size) uint8: 0, or `NO_DATA`, or `FOREIGN`.
    """
    mask = np.zeros(image.shape, np.uint8)
    bands, size, _ = image.shape
    has_rays, has_gap, has_trail = rng.uniform(size=3) < fraction
    if has_trail:
        band = int(rng.integers(bands))
        trail, ridge = _draw_trail(size, rng)
        image[band] += np.float32(noise_sigma[band]) * trail
        mask[band][ridge] = FOREIGN
    if has_rays:
        band = int(rng.integers(bands))
        rays = np.zeros((size, size))
        for _ in range(int(rng.integers(1, 3, endpoint=True))):
            add_ray(rays, rng, _RAY)
        image[band] += (noise_sigma[band] * rays).astype(np.float32)
        mask[band][rays > 0] = FOREIGN
    if has_gap:
        band, width = int(rng.integers(bands)), int(rng.integers(1, 3, endpoint=True))
        first = int(rng.integers(size - width + 1))
        image[band, :, first : first + width] = 0
        mask[band, :, first : first + width] = NO_DATA
    return mask


def _draw_trail(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns a trail in sigma of the sky, (size, size), and which pixels are near its ridge."""
    x, y = rng.uniform(0, size - 1, 2)
    angle, width = rng.uniform(0, np.pi), rng.uniform(*_TRAIL_WIDTHS)
    rows, columns = np.indices((size, size))
    across = (columns - x) * np.sin(angle) - (rows - y) * np.cos(angle)
    peak = np.exp(rng.uniform(*np.log(_TRAIL)))
    profile = peak * np.exp(-0.5 * (across / width) ** 2)
    return profile.astype(np.float32), np.abs(across) < _TRAIL_MASKED * width
