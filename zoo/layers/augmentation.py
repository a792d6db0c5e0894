"""Augmentations that keep what a galaxy is: flips and turns by right angles."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from zoo import randomness

__all__ = ["RandomDihedral", "mean_over_symmetries", "symmetries"]


def symmetries(images: tf.Tensor) -> list[tf.Tensor]:
    """Returns the images under each symmetry of the square, the images themselves first.

    Args:
        images: (batch, height, width, bands). Eight symmetries; four, of the rectangle, if height
            and width differ.
    """
    copies = [images]
    if images.shape[1] == images.shape[2]:
        copies.append(tf.transpose(images, (0, 2, 1, 3)))
    copies += [x[:, ::-1] for x in copies]
    return copies + [x[:, :, ::-1] for x in copies]


def mean_over_symmetries(
    function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor
) -> tf.Tensor:
    """Returns the mean of a function over the symmetries of the images, (batch, outputs).

    Args:
        function: From images to (batch, outputs).
        images: (batch, height, width, bands).
    """
    turned = symmetries(images)
    values = function(tf.concat(turned, axis=0))
    return tf.reduce_mean(tf.reshape(values, (len(turned), -1, values.shape[-1])), axis=0)


@keras.saving.register_keras_serializable(package="zoo")
class RandomDihedral(keras.layers.Layer):
    """Applies to each image one of the eight symmetries of the square, chosen at random.

    Images that are not square are flipped only (four symmetries).

    Args:
        about_pixel: Whether the pixel (height // 2, width // 2) stays where it is. Of an even side
            the axis of symmetry is half a pixel before it; then the first row or column, that has
            no counterpart, becomes a copy of the next. Default False.

    Call arguments:
        images: (batch, height, width, bands), or maps, (batch, height, width).
        seed: Stateless seed, int32 of shape (2,); the same seed gives the same choice.
    """

    def __init__(self, about_pixel: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.about_pixel = about_pixel

    def call(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if len(images.shape) == 3:
            return self.call(images[..., None], seed)[..., 0]
        if not self.about_pixel:
            return self._turned(images, seed)
        rows, columns = ((size + 1) % 2 for size in images.shape[1:3])
        turned = self._turned(images[:, rows:, columns:], seed)
        return tf.pad(turned, ((0, 0), (rows, 0), (columns, 0), (0, 0)), "SYMMETRIC")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "about_pixel": self.about_pixel}

    def _turned(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        heads = randomness.uniform(tf.shape(images)[0], (3, 1, 1, 1), seed) < 0.5
        images = tf.where(heads[:, 0], images[:, ::-1], images)
        images = tf.where(heads[:, 1], images[:, :, ::-1], images)
        if images.shape[1] == images.shape[2]:
            images = tf.where(heads[:, 2], tf.transpose(images, (0, 2, 1, 3)), images)
        return images

    def compute_output_shape(self, input_shape, *unused):
        return input_shape
