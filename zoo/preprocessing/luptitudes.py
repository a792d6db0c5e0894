"""Asinh magnitudes per pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["Luptitudes"]

_POGSON = 2.5 / np.log(10.0)


@register("luptitudes")
class Luptitudes(Preprocessing):
    """f -> -(2.5 / ln 10) [arcsinh(f / (2 b f_0)) + ln b], with f_0 = 10^(zeropoint / 2.5).

    Args:
        zeropoint: Magnitude of a source of unit flux, per band or for all; default 22.5
            (nanomaggies).
        softening: b, the flux at which linear turns into logarithmic as a fraction of f_0; per
            band or for all. Default 1e-10, about that of the SDSS.

    References:
        Lupton, Gunn & Szalay 1999 (AJ 118, 1406), equation 3.
    """

    is_pixelwise = True

    def __init__(
        self,
        zeropoint: float | Sequence[float] = 22.5,
        softening: float | Sequence[float] = 1e-10,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if np.min(softening) <= 0:
            raise ValueError(f"softening of 'luptitudes' must be positive; got {softening}")
        self.zeropoint = zeropoint
        self.softening = softening
        flux_of_zero = 10 ** (np.asarray(zeropoint, np.float64) / 2.5)
        self._scale = (2 * np.asarray(softening) * flux_of_zero).astype(np.float32)
        self._log_b = np.log(softening).astype(np.float32)

    def build(self, input_shape: Sequence[int | None]) -> None:
        self._per_band("zeropoint", self.zeropoint, input_shape[-1])
        self._per_band("softening", self.softening, input_shape[-1])
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return -_POGSON * (tf.asinh(tf.cast(images, tf.float32) / self._scale) + self._log_b)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return self._scale * tf.sinh(tf.clip_by_value(-x / _POGSON - self._log_b, -60.0, 60.0))
