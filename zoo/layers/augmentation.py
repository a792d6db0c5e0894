"""Augmentations that keep what a galaxy is: flips and turns by right angles."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from zoo import randomness

__all__ = ["RandomDihedral", "mean_over_symmetries", "mean_turned_back", "symmetries"]


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


def mean_turned_back(function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Returns the mean of an image-valued function over the symmetries about the central pixel.

    The function of each turned image is turned back. The mean has no preferred direction, whatever
    the function has. The pixel (height // 2, width // 2) stays where it is, as in `RandomDihedral`
    with `about_pixel`.

    Args:
        function: From images to images of the same shape.
        images: (batch, height, width, bands).
    """
    cut, border = _about_pixel(images)
    turned = [tf.pad(each, border, "SYMMETRIC") for each in symmetries(images[cut])]
    answers = tf.split(function(tf.concat(turned, axis=0)), len(turned), axis=0)
    # In the order of `symmetries`, its last step undone first.
    answers = [each[cut] for each in answers]
    half = len(answers) // 2
    answers = answers[:half] + [each[:, :, ::-1] for each in answers[half:]]
    answers = [x[:, ::-1] if i % half >= half // 2 else x for i, x in enumerate(answers)]
    if len(answers) == 8:
        answers = [tf.transpose(x, (0, 2, 1, 3)) if i % 2 else x for i, x in enumerate(answers)]
    return tf.pad(tf.add_n(answers) / len(answers), border, "SYMMETRIC")


def _about_pixel(images: tf.Tensor) -> tuple[Any, Any]:
    """Returns the part of the images that is symmetric about their central pixel, and the padding
    that brings it to their shape: of an even side the first row or column."""
    rows, columns = ((size + 1) % 2 for size in images.shape[1:3])
    part = (slice(None), slice(rows, None), slice(columns, None))
    return part, ((0, 0), (rows, 0), (columns, 0), (0, 0))


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
        cut, border = _about_pixel(images)
        return tf.pad(self._turned(images[cut], seed), border, "SYMMETRIC")

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
