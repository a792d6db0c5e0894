"""Structural similarity of images in survey units."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainers.cutouts.picture_files import bits_of

__all__ = ["pixel_range", "structural_similarity"]

_BATCH = 64


def pixel_range(units: str) -> float | None:
    """Returns the range of the pixel values of pictures, None for images that have no fixed one.

    Args:
        units: Of a dataset: 255 for "counts (0-255)", None for "nanomaggies".
    """
    bits = bits_of(units)
    return None if bits is None else float(2**bits - 1)


def structural_similarity(
    originals: np.ndarray,
    copies: np.ndarray,
    *,
    sigma: float = 1.5,
    window: int = 11,
    data_range: float | None = None,
) -> np.ndarray:
    """Returns the SSIM of each image and band.

        SSIM = mean of (2 m_x m_y + C1)(2 c_xy + C2) / ((m_x^2 + m_y^2 + C1)(v_x + v_y + C2))

    with means m, variances v and covariance c under a Gaussian window, C1 = (0.01 L)^2 and
    C2 = (0.03 L)^2, where L is the range of the pixel values. Survey images have no fixed range,
    so each image and band is by default brought to [0, 1] by the minimum and the maximum of the
    original, its copy in the same way, and L = 1. Pictures have one: with `data_range` the pixels
    are compared as they are. These are two measures: the noise of a dark sky counts in the first,
    and drowns in the constants of the second.

    Args:
        originals: (number, height, width, bands).
        copies: The same shape.
        sigma: Standard deviation of the window in pixels. Default 1.5.
        window: Side of the window in pixels, cut to the size of the image. Default 11.
        data_range: L in the units of the pixels, 255 for pictures of 8 bits; None (default) for
            that of each original and band.

    Returns:
        (number, bands), 1 for equal images.

    References:
        Wang et al. (2004), IEEE Trans. Image Process. 13, 600.
    """
    number, height, width, bands = originals.shape
    low, span = np.zeros((number, 1, 1, bands)), np.ones((number, 1, 1, bands))
    if data_range is None:
        low = originals.min(axis=(1, 2), keepdims=True)
        span = originals.max(axis=(1, 2), keepdims=True) - low
        span = np.where(span > 0, span, 1)
    results = []
    for start in range(0, number, _BATCH):
        rows = slice(start, start + _BATCH)
        pair = [
            np.moveaxis((images[rows] - low[rows]) / span[rows], -1, 1).reshape(
                -1, height, width, 1
            )
            for images in (originals, copies)
        ]
        results.append(
            tf.image.ssim(
                *(tf.constant(images, tf.float32) for images in pair),
                max_val=1.0 if data_range is None else data_range,
                filter_size=min(window, height, width),
                filter_sigma=sigma,
            ).numpy()
        )
    return np.concatenate(results).reshape(number, bands)
