"""The asinh stretch of sky-subtracted images, with one softening per band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo import stretch
from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["BandAsinh"]

UNITS = ("noise", "peak")

# tanh(asinh u) reaches 1 in float32 for u in the thousands; its inverse is cut off before.
_LARGEST_BOUNDED = 1.0 - 1e-6
# Of the asinh itself: e^60 is far beyond any flux.
_LARGEST = 60.0


@register("band_asinh")
class BandAsinh(Preprocessing):
    """x -> asinh(x / s_b), or tanh(asinh(x / s_b)) in (-1, 1), with s_b = softening * unit_b.

    Nothing is subtracted and nothing depends on the single image: the same source has the same
    values in a blend and alone, and no light is zero.

        tanh(asinh u) = u / sqrt(1 + u^2),    its inverse  u = y / sqrt(1 - y^2)

    Args:
        unit: Unit of each band, from the sample of `adapt`: "noise" (default), the median over the
            images of the robust scatter in their border; or "peak", the mean over the images of
            their largest pixel.
        softening: Times this unit. Default 1.
        bounded: Whether the tanh is taken. Default False.

    Raises:
        ValueError: if `unit` is neither, or `softening` is not positive.

    References:
        Arcelin et al. 2021 (arXiv 2005.12039), section 4.1: bounded, unit "peak", softening 1/2.5.
    """

    def __init__(
        self, unit: str = "noise", softening: float = 1.0, bounded: bool = False, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if unit not in UNITS:
            raise ValueError(
                f"unit of 'band_asinh' must be one of {', '.join(UNITS)}; got '{unit}'"
            )
        if softening <= 0:
            raise ValueError(f"softening of 'band_asinh' must be positive; got {softening}")
        self.unit = unit
        self.softening = softening
        self.bounded = bounded

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.unit_of_band = self.add_statistic("unit_of_band", (input_shape[-1],), "ones")
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        if self.unit == "peak":
            unit = images.max(axis=(1, 2)).mean(axis=0)
        else:
            height, width = images.shape[1:3]
            frame = border_pixels(height, width, border_width(height, width))
            noise = [
                background_and_noise(images[i : i + 256], frame)[1].numpy()
                for i in range(0, len(images), 256)
            ]
            unit = np.median(np.concatenate(noise)[:, 0, 0], axis=0)
        # A band without noise, or without light, has no scale of its own.
        self.unit_of_band.assign(np.where(unit > 0, unit, 1.0))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        u = tf.cast(images, tf.float32) / (self.softening * self.unit_of_band)
        return u * tf.math.rsqrt(1.0 + tf.square(u)) if self.bounded else stretch.asinh(u)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        x = tf.cast(x, tf.float32)
        if self.bounded:
            y = tf.clip_by_value(x, -_LARGEST_BOUNDED, _LARGEST_BOUNDED)
            u = y * tf.math.rsqrt(1.0 - tf.square(y))
        else:
            u = stretch.sinh(x, _LARGEST)
        return self.softening * self.unit_of_band * u
