"""The asinh stretch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import common_operations, stretch
from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import MAD_TO_SIGMA

__all__ = ["AsinhStretch"]


@register("asinh")
class AsinhStretch(Preprocessing):
    """x -> arcsinh((x - offset_b) / scale_b) / norm: linear where noise rules, logarithmic above.

    Args:
        scale: Softening per band in survey units, or one for all; None to take, in `adapt`, the
            robust scatter (1.4826 median absolute deviation) of all pixels of a band, and their
            median as the offset.
        norm: Divisor, default 1.

    References:
        Lupton, Gunn & Szalay 1999 (AJ 118, 1406); Lupton et al. 2004 (PASP 116, 133).
    """

    is_pixelwise = True

    def __init__(
        self, scale: float | Sequence[float] | None = None, norm: float = 1.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if scale is not None and np.min(scale) <= 0:
            raise ValueError(f"scale of preprocessing 'asinh' must be positive; got {scale}")
        if norm <= 0:
            raise ValueError(f"norm of preprocessing 'asinh' must be positive; got {norm}")
        self.scale = scale
        self.norm = norm

    def build(self, input_shape: Sequence[int | None]) -> None:
        bands = input_shape[-1]
        initial = self._per_band("scale", 1.0 if self.scale is None else self.scale, bands)
        self.softening = self.add_weight(
            name="softening",
            shape=(bands,),
            initializer=lambda shape, dtype=None: keras.ops.convert_to_tensor(initial, dtype),
            trainable=False,
        )
        self.offset = self.add_statistic("offset", (bands,))
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        if self.scale is not None:
            return
        pixels = images.reshape(-1, images.shape[-1])
        # A million pixels settle a median to a thousandth.
        pixels = pixels[:: max(1, len(pixels) // 1_000_000)]
        median = np.median(pixels, axis=0)
        scatter = MAD_TO_SIGMA * np.median(np.abs(pixels - median), axis=0)
        spread = np.where(pixels.std(axis=0) > 0, pixels.std(axis=0), 1.0)
        self.softening.assign(np.where(scatter > 0, scatter, spread))
        self.offset.assign(median)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        asinh = stretch.asinh if common_operations.are_wanted() else tf.asinh
        return asinh((tf.cast(images, tf.float32) - self.offset) / self.softening) / self.norm

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        # e^60 is far beyond any flux, and far from what float32 cannot hold.
        return self.offset + self.softening * tf.sinh(tf.clip_by_value(x * self.norm, -60.0, 60.0))
