"""Cropping of one feature map to the size of another."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from zoo.layer import ZooLayer

__all__ = ["CropToMatch"]


@keras.saving.register_keras_serializable(package="zoo")
class CropToMatch(ZooLayer):
    """Leaves off the last rows and columns that a map has more than another one.

    Unlike `keras.layers.Cropping2D` it works for images of any size, whose halves are rounded up.

    Call arguments:
        maps: The map to crop and the one whose size it gets, (batch, rows, columns, channels) each.

    Returns:
        (batch, rows, columns, channels), as many channels as the first.
    """

    def call(self, maps: Sequence[tf.Tensor]) -> tf.Tensor:
        large, small = maps
        if None not in large.shape[1:3] and large.shape[1:3] == small.shape[1:3]:
            return large
        size = tf.shape(small)
        cropped = large[:, : size[1], : size[2]]
        return tf.ensure_shape(cropped, (large.shape[0], *small.shape[1:3], large.shape[3]))

    def compute_output_shape(
        self, input_shape: Sequence[Sequence[int | None]]
    ) -> tuple[int | None, ...]:
        large, small = input_shape
        return (large[0], *small[1:3], large[3])
