"""Stamps of one size from stamps of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.preprocessing.base import Chain, Preprocessing, make, register

__all__ = ["PADDINGS", "FitStamp", "fitted"]

PADDINGS = ("mirror", "zeros")


@register("fit_stamp")
class FitStamp(Preprocessing):
    """Brings images of any size to size x size: larger ones are cut, smaller ones padded.

    The centre stays the centre (of an even and an odd side, to half a pixel). Mirroring at the
    edge goes on with the image's own background and noise, without drawing random numbers; zeros
    fit images without noise and without sky.

    It is the only layer whose images may have another size than those that it was built with.

    Args:
        size: Side of the square in px.
        padding: "mirror" (default) or "zeros".

    Raises:
        ValueError: if `size` is under 1 px or there is no such padding.
    """

    takes_any_size = True

    def __init__(self, size: int, padding: str = "mirror", **kwargs: Any):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"size of preprocessing 'fit_stamp' must be at least 1 px; got {size}")
        if padding not in PADDINGS:
            raise ValueError(
                f"padding of preprocessing 'fit_stamp' must be one of {', '.join(PADDINGS)}; "
                f"got '{padding}'"
            )
        self.size = int(size)
        self.padding = padding

    def build(self, input_shape: Sequence[int | None]) -> None:
        self._image_size = tuple(input_shape[1:3])
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        images = tf.cast(images, tf.float32)
        shape = tf.shape(images)
        return self._fit(self._fit(images, shape[1], 1), shape[2], 2)

    def window(self, height: int, width: int) -> tuple[slice, slice]:
        def inner(length: int) -> slice:
            start = max(0, (length - self.size) // 2)
            return slice(start, start + min(length, self.size))

        return inner(height), inner(width)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the images without padding; what was cut off is zero."""
        height, width = self._image_size
        rows, columns = self.window(height, width)
        top, left = (max(0, (self.size - length) // 2) for length in (height, width))
        x = x[:, top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]
        ends = [[rows.start, height - rows.stop], [columns.start, width - columns.stop]]
        return tf.pad(x, [[0, 0], *ends, [0, 0]])

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.size, self.size, input_shape[-1])

    def _fit(self, images: tf.Tensor, length: tf.Tensor, axis: int) -> tf.Tensor:
        # Rounded as `window` rounds, where the image is larger, and the other way about.
        place = tf.range(self.size) + tf.where(
            length > self.size, (length - self.size) // 2, -((self.size - length) // 2)
        )
        # 0 1 2 2 1 0 0 1 ..., however often the image is shorter.
        turned = tf.math.floormod(place, 2 * length)
        mirrored = tf.minimum(turned, 2 * length - 1 - turned)
        images = tf.gather(images, mirrored, axis=axis)
        if self.padding == "zeros":
            inside = tf.logical_and(place >= 0, place < length)
            along = [1, -1, 1, 1] if axis == 1 else [1, 1, -1, 1]
            images = tf.where(tf.reshape(inside, along), images, 0.0)
        return images


def fitted(preprocessing: Any, size: int, padding: str = "mirror") -> Preprocessing:
    """Returns a preprocessing that begins with a `FitStamp`; one that does already stays.

    Args:
        preprocessing: What `zoo.preprocessing.make` takes.
        size: Side of the square in px.
        padding: "mirror" (default) or "zeros".
    """
    layer = make(preprocessing)
    first = layer.layers[0] if isinstance(layer, Chain) and layer.layers else layer
    return layer if isinstance(first, FitStamp) else Chain([FitStamp(size, padding), layer])
