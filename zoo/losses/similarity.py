"""Structural similarity as a loss."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

__all__ = ["ms_ssim", "ssim"]

# Weights of the scales, fine to coarse (Wang, Simoncelli & Bovik 2003).
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

# A factor of MS-SSIM below it is continued, see `_positive`.
_SMALL_FACTOR = 0.01


def ssim(
    target: tf.Tensor,
    prediction: tf.Tensor,
    max_val: float | None = None,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
) -> tf.Tensor:
    """1 - SSIM, averaged over pixels and bands: (batch,), between 0 and 2.

    The window is a normalised Gaussian and the border, where it does not fit, is left out.
    Meant for images whose sky is near zero: the luminance term compares means, not differences.

    Args:
        target: (batch, height, width, bands).
        prediction: Of the same shape.
        max_val: Range of the pixel values, which sets the constants of the index; default None
            for that of each target image over all its bands.
        filter_size: Side of the Gaussian window in px, default 11.
        filter_sigma: Its standard deviation in px, default 1.5 as in Wang+04; the published code
            of the DECaLS autoencoder (arXiv 2303.08627) uses 10.

    Raises:
        ValueError: if the image is smaller than the window.

    References:
        Wang, Bovik, Sheikh & Simoncelli 2004 (IEEE TIP 13, 600).
    """
    _fits(target, filter_size)
    target, prediction = tf.cast(target, tf.float32), tf.cast(prediction, tf.float32)
    luminance, structure = _index_maps(
        target, prediction, _range(target, max_val), _window(filter_size, filter_sigma)
    )
    return 1.0 - tf.reduce_mean(_index(luminance, structure), axis=(1, 2, 3))


def ms_ssim(
    target: tf.Tensor,
    prediction: tf.Tensor,
    max_val: float | None = None,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
) -> tf.Tensor:
    """1 - MS-SSIM, averaged over bands: (batch,), between 0 and 1.

        MS-SSIM = (l_J c_J)^w_J prod_{j < J} c_j^w_j

    with c_j the mean contrast-structure term on scale j and l_J c_J the mean SSIM on the coarsest.

    An image too small for the five scales of the source uses as many of the finer ones as its
    shorter side allows, with their weights rescaled to a sum of one: three at 64 px. A factor
    f < e = 0.01, of structure that is uncorrelated or reversed, counts as e^2 / (2 e - f): a
    fractional power needs a positive number, and one that is cut off has no gradient, so that a
    band that began reversed stayed so for good.

    Arguments and errors are those of `ssim`.

    References:
        Wang, Simoncelli & Bovik 2003 (Asilomar Conference on Signals, 1398).
    """
    _fits(target, filter_size)
    shorter = min(target.shape[1], target.shape[2])
    scales = 1
    while scales < len(_SCALE_WEIGHTS) and shorter // 2**scales >= filter_size:
        scales += 1
    weights = np.array(_SCALE_WEIGHTS[:scales]) / sum(_SCALE_WEIGHTS[:scales])
    x, y = tf.cast(target, tf.float32), tf.cast(prediction, tf.float32)
    span, window = _range(x, max_val), _window(filter_size, filter_sigma)
    log_index = 0.0
    for scale, weight in enumerate(weights):
        if scale:
            x, y = (tf.nn.avg_pool2d(image, 2, 2, "SAME") for image in (x, y))
        luminance, structure = _index_maps(x, y, span, window)
        factor = structure if scale < scales - 1 else _index(luminance, structure)
        factor = _positive(tf.reduce_mean(factor, axis=(1, 2)))
        log_index += float(weight) * tf.math.log(factor)
    return 1.0 - tf.reduce_mean(tf.exp(log_index), axis=-1)


def _positive(factor: tf.Tensor) -> tf.Tensor:
    """Returns numbers above 0 that rise with the factor, and equal it where it is not small."""
    below = tf.minimum(factor, _SMALL_FACTOR)
    return tf.where(
        factor < _SMALL_FACTOR,
        tf.square(_SMALL_FACTOR) / (2 * _SMALL_FACTOR - below),
        tf.maximum(factor, _SMALL_FACTOR),
    )


def _index(luminance: tf.Tensor, structure: tf.Tensor) -> tf.Tensor:
    """Returns the product of the two, but no more than the first.

    The index is made for images that are nowhere negative. A negative image of the target has both
    terms at -1, and their product is that of the image itself: training went there.
    """
    return tf.minimum(luminance, luminance * structure)


def _index_maps(
    x: tf.Tensor, y: tf.Tensor, span: tf.Tensor | float, window: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the luminance and the contrast-structure term for each position of the window."""
    c1, c2 = tf.square(0.01 * span), tf.square(0.03 * span)
    # Variances do not depend on the zero point, but their rounding does.
    centre = tf.reduce_mean(x, axis=(1, 2), keepdims=True)
    u, v = x - centre, y - centre
    maps = _blur(tf.concat([u, v, u * u, v * v, u * v], axis=0), window)
    mean_u, mean_v, square_u, square_v, product = tf.split(maps, 5, axis=0)
    mean_x, mean_y = mean_u + centre, mean_v + centre
    luminance = (2 * mean_x * mean_y + c1) / (tf.square(mean_x) + tf.square(mean_y) + c1)
    variance_x = tf.nn.relu(square_u - tf.square(mean_u))
    variance_y = tf.nn.relu(square_v - tf.square(mean_v))
    covariance = product - mean_u * mean_v
    return luminance, (2 * covariance + c2) / (variance_x + variance_y + c2)


def _blur(images: tf.Tensor, window: np.ndarray) -> tf.Tensor:
    bands = images.shape[-1]
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        kernel = tf.tile(tf.reshape(window, shape), (1, 1, bands, 1))
        images = tf.nn.depthwise_conv2d(images, kernel, (1, 1, 1, 1), "VALID")
    return images


def _window(filter_size: int, filter_sigma: float) -> np.ndarray:
    offset = np.arange(filter_size) - (filter_size - 1) / 2
    window = np.exp(-0.5 * np.square(offset / filter_sigma))
    return (window / window.sum()).astype(np.float32)


def _range(target: tf.Tensor, max_val: float | None) -> tf.Tensor | float:
    if max_val is not None:
        return max_val
    highest, lowest = (
        reduce(target, axis=(1, 2, 3), keepdims=True) for reduce in (tf.reduce_max, tf.reduce_min)
    )
    return tf.maximum(highest - lowest, 1e-6)


def _fits(target: tf.Tensor, filter_size: int) -> None:
    shorter = min(target.shape[1], target.shape[2])
    if not 1 <= filter_size <= shorter:
        raise ValueError(
            f"filter_size must be between 1 and the image's shorter side, {shorter} px; "
            f"got {filter_size}"
        )
