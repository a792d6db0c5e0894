"""Pixels times a number."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["Rescale"]


@register("rescale")
class Rescale(Preprocessing):
    """x -> x / unit: pictures of 0 to 255 become 0 to 1, black stays zero.

    Args:
        unit: What becomes one, in survey units. Default 255.

    Raises:
        ValueError: if it is not positive.
    """

    is_pixelwise = True

    def __init__(self, unit: float = 255.0, **kwargs: Any):
        super().__init__(**kwargs)
        if not unit > 0:
            raise ValueError(f"unit of preprocessing 'rescale' must be positive; got {unit}")
        self.unit = float(unit)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / self.unit

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return x * self.unit
