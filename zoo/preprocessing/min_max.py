"""The 8-bit scaling of BlendHunter."""

from __future__ import annotations

import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["MinMax8Bit"]


@register("min_max_8bit")
class MinMax8Bit(Preprocessing):
    """x -> floor(|x| 255 / max|x|) / 255, with the maximum over the image and its bands.

    An image of zeros stays zero. `inverse` cannot give the sign back.

    References:
        Farrens et al. 2022 (arXiv 2110.08180), section 3.2.
    """

    def call(self, images: tf.Tensor) -> tf.Tensor:
        magnitude = tf.abs(tf.cast(images, tf.float32))
        return tf.floor(tf.math.divide_no_nan(magnitude * 255.0, _largest(images))) / 255.0

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return x if like is None else x * _largest(like)


def _largest(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.abs(tf.cast(images, tf.float32)), axis=(1, 2, 3), keepdims=True)
