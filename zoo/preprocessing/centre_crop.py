"""The centre of the image alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["CentreCrop"]


@register("centre_crop")
class CentreCrop(Preprocessing):
    """Cuts out the central square; `inverse` puts it back onto the background.

    The background is the median of the border of `like`, for each image and band, or zero without
    `like`: the frame around the square is unknown to what was drawn, and nothing of the image may
    stand in for it.

    Args:
        size: Side of the square in px; of a smaller image, its shorter side is taken.

    Raises:
        ValueError: if `size` is under 1 px.
    """

    def __init__(self, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(
                f"size of preprocessing 'centre_crop' must be at least 1 px; got {size}"
            )
        self.size = int(size)

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, _ = input_shape[1:]
        self._image_size = (height, width)
        self._border = border_pixels(height, width, border_width(height, width))
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return images[:, *self.window(*self._image_size)]

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        side = min(self.size, height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return slice(top, top + side), slice(left, left + side)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        height, width = self._image_size
        rows, columns = self.window(height, width)
        margins = [
            [0, 0],
            [rows.start, height - rows.stop],
            [columns.start, width - columns.stop],
            [0, 0],
        ]
        padded = tf.pad(x, margins)
        if like is None:
            return padded
        inside = tf.pad(tf.ones_like(x, tf.bool), margins)
        background, _ = background_and_noise(like, self._border)
        return tf.where(inside, padded, background)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        side = min(self.size, *input_shape[1:3])
        return (input_shape[0], side, side, input_shape[-1])
