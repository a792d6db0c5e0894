"""Structural similarity as a loss."""

import tensorflow as tf

__all__ = ["ms_ssim", "ssim"]

# Weights of the scales, fine to coarse (Wang, Simoncelli & Bovik 2003).
_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def ssim(
    target: tf.Tensor,
    prediction: tf.Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
) -> tf.Tensor:
    """1 - SSIM, averaged over pixels and bands: (batch,), between 0 and 2.

    Args:
        target: (batch, height, width, bands).
        prediction: Of the same shape.
        max_val: Range of the pixel values, which sets the constants of the index.
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
    return 1.0 - tf.image.ssim(
        target, prediction, max_val, filter_size=filter_size, filter_sigma=filter_sigma
    )


def ms_ssim(
    target: tf.Tensor,
    prediction: tf.Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
) -> tf.Tensor:
    """1 - MS-SSIM: (batch,).

    An image too small for the five scales of the source uses as many of the finer ones as its
    shorter side allows, with their weights rescaled to a sum of one: three at 64 px.

    Args:
        target: (batch, height, width, bands).
        prediction: Of the same shape.
        max_val: Range of the pixel values.
        filter_size: Side of the Gaussian window in px, default 11.
        filter_sigma: Its standard deviation in px, default 1.5.

    Raises:
        ValueError: if the image is smaller than the window.

    References:
        Wang, Simoncelli & Bovik 2003 (Asilomar Conference on Signals, 1398).
    """
    _fits(target, filter_size)
    shorter = min(target.shape[1], target.shape[2])
    scales = 1
    while scales < len(_SCALE_WEIGHTS) and shorter // 2**scales >= filter_size:
        scales += 1
    total = sum(_SCALE_WEIGHTS[:scales])
    target, prediction = tf.cast(target, tf.float32), tf.cast(prediction, tf.float32)
    return 1.0 - tf.image.ssim_multiscale(
        target,
        prediction,
        max_val,
        power_factors=[weight / total for weight in _SCALE_WEIGHTS[:scales]],
        filter_size=filter_size,
        filter_sigma=filter_sigma,
    )


def _fits(target: tf.Tensor, filter_size: int) -> None:
    shorter = min(target.shape[1], target.shape[2])
    if shorter < filter_size:
        raise ValueError(
            f"filter_size must be at most the image's shorter side, {shorter} px; "
            f"got {filter_size}"
        )
