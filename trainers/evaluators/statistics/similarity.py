"""Structural similarity of images in survey units."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

__all__ = ["structural_similarity"]

_BATCH = 64


def structural_similarity(
    originals: np.ndarray, copies: np.ndarray, *, sigma: float = 1.5, window: int = 11
) -> np.ndarray:
    """Returns the SSIM of each image and band.

        SSIM = mean of (2 m_x m_y + C1)(2 c_xy + C2) / ((m_x^2 + m_y^2 + C1)(v_x + v_y + C2))

    with means m, variances v and covariance c under a Gaussian window, C1 = 0.01^2 and
    C2 = 0.03^2. Survey images have no fixed range, so each image and band is first brought to
    [0, 1] by the minimum and the maximum of the original, and its copy in the same way.

    Args:
        originals: (number, height, width, bands).
        copies: The same shape.
        sigma: Standard deviation of the window in pixels. Default 1.5.
        window: Side of the window in pixels, cut to the size of the image. Default 11.

    Returns:
        (number, bands), 1 for equal images.

    References:
        Wang et al. (2004), IEEE Trans. Image Process. 13, 600.
    """
    number, height, width, bands = originals.shape
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
                max_val=1.0,
                filter_size=min(window, height, width),
                filter_sigma=sigma,
            ).numpy()
        )
    return np.concatenate(results).reshape(number, bands)
