"""Pixels in units of their scatter over the training images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["Standardization"]


@register("standardize")
class Standardization(Preprocessing):
    """x -> (x - mean_b) / stddev_b, both over all pixels of a band of the images of `adapt`.

    It is linear and keeps the brightness of an image, as pictures want it that have been
    stretched already. Before `adapt` it is the identity; a band that is constant stays unscaled.
    """

    is_pixelwise = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        bands = (input_shape[-1],)
        self.mean = self.add_statistic("mean", bands)
        self.stddev = self.add_statistic("stddev", bands, "ones")
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        mean = images.mean(axis=(0, 1, 2), dtype=np.float64)
        stddev = images.std(axis=(0, 1, 2), dtype=np.float64)
        self.mean.assign(mean)
        self.stddev.assign(np.where(stddev > 0, stddev, 1.0))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return (tf.cast(images, tf.float32) - self.mean) / self.stddev

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return x * self.stddev + self.mean
