"""Images of one size scaled to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["Resize"]


@register("resize")
class Resize(Preprocessing):
    """Scales images to height x width, bilinearly, and without aliasing where they shrink.

    Two products with matrices, the weights of `tf.image.resize` along each axis: unlike that
    operation they compile under XLA. Means of surface brightness stay, fluxes scale with the area.

    Args:
        height: Rows of the result, px.
        width: Columns of the result, px. Default `height`.

    Raises:
        ValueError: if a size is under 1 px.
    """

    def __init__(self, height: int, width: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        width = height if width is None else width
        if min(height, width) < 1:
            raise ValueError(
                f"height and width of preprocessing 'resize' must be at least 1 px; "
                f"got {height} and {width}"
            )
        self.height, self.width = int(height), int(width)

    def build(self, input_shape: Sequence[int | None]) -> None:
        rows, columns = input_shape[1:3]
        self._rows, self._columns = _weights(rows, self.height), _weights(columns, self.width)
        self._back = _weights(self.height, rows), _weights(self.width, columns)
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return _along_both(self._rows, self._columns, tf.cast(images, tf.float32))

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        """Returns images of the size of before; details that were lost stay lost."""
        return _along_both(*self._back, x)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.height, self.width, input_shape[-1])


def _weights(length: int, wanted: int) -> np.ndarray:
    """Returns the weights of the pixels of a row in those of the resized row, (wanted, length)."""
    # Made from the identity, on the host wherever the layer is built.
    with tf.init_scope(), tf.device("CPU"):
        identity = tf.reshape(tf.eye(length), (1, length, length, 1))
        resized = tf.image.resize(identity, (wanted, length), antialias=True)
        return resized[0, :, :, 0].numpy()


def _along_both(rows: np.ndarray, columns: np.ndarray, images: tf.Tensor) -> tf.Tensor:
    x = tf.einsum("ij,bjkc->bikc", rows, images)
    return tf.einsum("lk,bikc->bilc", columns, x)
