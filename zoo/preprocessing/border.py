"""The sky of each image, from the pixels of its border."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

__all__ = ["MAD_TO_SIGMA", "background_and_noise", "border_pixels", "border_width"]

# From median absolute deviation to standard deviation, for a normal distribution.
MAD_TO_SIGMA = 1.4826


def border_width(height: int, width: int) -> int:
    """Returns the default width of the border in px: an eighth of the shorter side, at least 2."""
    return max(2, min(height, width) // 8)


def border_pixels(height: int, width: int, border: int) -> np.ndarray:
    """Returns the indices, int32, of the border among the height x width pixels of an image."""
    frame = np.ones((height, width), bool)
    frame[border : height - border, border : width - border] = False
    return np.flatnonzero(frame).astype(np.int32)


def background_and_noise(images: tf.Tensor, pixels: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns median and 1.4826 median absolute deviation of the border, each (batch, 1, 1, bands).

    Args:
        images: (batch, height, width, bands).
        pixels: What `border_pixels` returned.
    """
    images = tf.cast(images, tf.float32)
    _, height, width, bands = images.shape
    frame = tf.gather(tf.reshape(images, (-1, height * width, bands)), pixels, axis=1)
    frame = tf.transpose(frame, (0, 2, 1))
    background = _median(frame)
    noise = MAD_TO_SIGMA * _median(tf.abs(frame - background))
    return tuple(tf.reshape(value, (-1, 1, 1, bands)) for value in (background, noise))


def _median(values: tf.Tensor) -> tf.Tensor:
    """Median over the last axis, kept as an axis of length one."""
    count = values.shape[-1]
    upper = tf.math.top_k(values, k=count // 2 + 1, sorted=True).values
    middle = upper[..., -1:]
    return middle if count % 2 else (middle + upper[..., -2:-1]) / 2
