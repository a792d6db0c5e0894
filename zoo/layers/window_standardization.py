"""Windows standardised one by one."""

from __future__ import annotations

import keras
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["WindowStandardization"]


@keras.saving.register_keras_serializable(package="zoo")
class WindowStandardization(Float32Layer):
    """x -> (x - mean) / max(stddev, 1 / sqrt(N)), over the N pixels of a window.

    Pixels that are not finite count as N does but not in mean and standard deviation, and become
    0, the mean. The faintest sources and the brightest come out with the same contrast: how
    bright a source is can only be seen from the noise around it.

    Args:
        across_bands: Whether mean and standard deviation are those of all bands together, as in
            the released code of Hausen & Robertson 2020, which keeps the colours; default False,
            those of each band.

    References:
        `tf.image.per_image_standardization` has the same limit of the standard deviation.
    """

    def __init__(self, across_bands: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.across_bands = across_bands

    def call(self, windows: tf.Tensor) -> tf.Tensor:
        """Returns the windows, (number, height, width, bands), each standardised."""
        windows = tf.cast(windows, tf.float32)
        axes = [1, 2, 3] if self.across_bands else [1, 2]
        finite = tf.math.is_finite(windows)
        counts = tf.cast(finite, tf.float32)
        number = tf.maximum(tf.reduce_sum(counts, axis=axes, keepdims=True), 1.0)
        mean = tf.reduce_sum(tf.where(finite, windows, 0.0), axis=axes, keepdims=True) / number
        centred = tf.where(finite, windows - mean, 0.0)
        variance = tf.reduce_sum(tf.square(centred), axis=axes, keepdims=True) / number
        pixels = tf.cast(tf.reduce_prod(tf.gather(tf.shape(windows), axes)), tf.float32)
        return centred / tf.sqrt(tf.maximum(variance, 1.0 / pixels))

    def compute_output_shape(self, input_shape):
        return input_shape
