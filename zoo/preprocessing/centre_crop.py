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
        size: Side of the square in px.
    """

    def __init__(self, size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = int(size)

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, _ = input_shape[1:]
        if not 1 <= self.size <= min(height, width):
            raise ValueError(
                f"size of preprocessing 'centre_crop' must be between 1 and the image's shorter "
                f"side, {min(height, width)} px; got {self.size}"
            )
        self._image_size = (height, width)
        self._corner = ((height - self.size) // 2, (width - self.size) // 2)
        self._border = border_pixels(height, width, border_width(height, width))
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        top, left = self._corner
        return images[:, top : top + self.size, left : left + self.size]

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        return tuple(
            slice((side - self.size) // 2, (side - self.size) // 2 + self.size)
            for side in (height, width)
        )

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        (height, width), (top, left) = self._image_size, self._corner
        margins = [
            [0, 0],
            [top, height - self.size - top],
            [left, width - self.size - left],
            [0, 0],
        ]
        padded = tf.pad(x, margins)
        if like is None:
            return padded
        inside = tf.pad(tf.ones_like(x, tf.bool), margins)
        background, _ = background_and_noise(like, self._border)
        return tf.where(inside, padded, background)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}
