"""Segmentations without a network: SEP, and k-means of the pixel values themselves."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import MiniBatchKMeans

from trainers.blends import sep_baseline

__all__ = ["clustered_pixels", "sep_regions", "significance"]

# Pixels on which the clusters are fitted.
_SAMPLED_PIXELS = 200_000
_BATCH = 4096
_STARTS = 5


def significance(images: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Returns the sum of the bands in units of their noise, of variance 1 in the sky.

        D = sum_b (image_b - sky_b) / sigma_b / sqrt(bands)

    Args:
        images: (number, height, width, bands), sky subtracted.
        noise: (number, bands), standard deviation of the sky in a pixel.

    Returns:
        (number, height, width) float32.
    """
    scaled = images / noise[:, None, None]
    return (scaled.sum(axis=-1) / np.sqrt(images.shape[-1])).astype(np.float32)


def sep_regions(detection: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Returns the segmentation maps of SEP at 1.5 sigma, see `trainers.blends.sep_baseline`.

    Args:
        detection: (number, height, width) float32, images in units of their noise.
        known: Of the same shape, bool: the others are masked.

    Returns:
        (number, height, width) int32, 0 for the sky; 0 throughout where SEP gives up.
    """
    regions = np.zeros(detection.shape, np.int32)
    for image, counts, region in zip(detection, known, regions, strict=True):
        extracted = sep_baseline.extract(
            np.where(counts, image, 0.0).astype(np.float32),
            1.0,
            mask=~counts,
            segmentation_map=True,
        )
        if extracted is not None:
            region[:] = extracted[1]
    return regions


def clustered_pixels(
    images: np.ndarray, noise: np.ndarray, known: np.ndarray, clusters: int, seed: int
) -> np.ndarray:
    """Returns clusters of the pixels by their asinh fluxes in all bands, by mini-batch k-means.

    Args:
        images: (number, height, width, bands), sky subtracted.
        noise: (number, bands), standard deviation of the sky in a pixel.
        known: (number, height, width) bool, pixels that count.
        clusters: Number of clusters.
        seed: Seed of the sample on which they are fitted, and of k-means.

    Returns:
        (number, height, width) int32, -1 where a pixel does not count.
    """
    pixels = np.arcsinh(images / noise[:, None, None])[known]
    number = min(len(pixels), _SAMPLED_PIXELS)
    sample = np.random.default_rng(seed).choice(len(pixels), number, replace=False)
    kmeans = MiniBatchKMeans(clusters, batch_size=_BATCH, n_init=_STARTS, random_state=seed)
    segments = np.full(known.shape, -1, np.int32)
    segments[known] = kmeans.fit(pixels[sample]).predict(pixels)
    return segments
