"""Images in units of their own flux."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["FluxNormalization"]

# Stands for zero in a denominator.
_TINY = 1e-12


@register("flux")
class FluxNormalization(Preprocessing):
    """x -> x / F, with one F per image, so that colours and shape are kept.

        F = max(mean of (x - background) over a central disc and the bands, n sigma_F)

    background and sigma, whence sigma_F, are those of the border as in `background_noise`. The
    mean stands for the summed flux of the aperture, so that pixels are of order one. Below n
    sigma_F the flux is not a measurement, and F says how bright such an object could be. Where
    the border has no noise F is held above a hundredth of the median F seen by `adapt`.

    Args:
        aperture: Radius of the disc in px; default None for a quarter of the shorter side.
        significance: n, default 3.
        border: Width of the border in px; default None for an eighth of the shorter side, at
            least 2.

    Raises:
        ValueError: if an argument is not positive.
    """

    def __init__(
        self,
        aperture: float | None = None,
        significance: float = 3.0,
        border: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for name, value in (
            ("aperture", aperture),
            ("significance", significance),
            ("border", border),
        ):
            if value is not None and value <= 0:
                raise ValueError(f"{name} of preprocessing 'flux' must be positive; got {value}")
        self.aperture = aperture
        self.significance = significance
        self.border = border

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, _ = input_shape[1:]
        self._frame = border_pixels(height, width, self.border or border_width(height, width))
        rows, columns = np.ogrid[:height, :width]
        radius = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
        # Half a diagonal px lets the smallest disc hold the pixels around the centre.
        disc = radius <= max(self.aperture or min(height, width) / 4, 0.75)
        self._disc_pixels = int(disc.sum())
        self._disc = (disc / disc.sum()).astype(np.float32)[:, :, None]
        self.typical_flux = self.add_statistic("typical_flux", (), "ones")
        self.flux_floor = self.add_statistic("flux_floor", ())
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        self.flux_floor.assign(0.0)
        flux = in_parts(self._flux, images).ravel()
        typical = np.median(flux[flux > _TINY]) if (flux > _TINY).any() else 1.0
        self.typical_flux.assign(typical)
        self.flux_floor.assign(0.01 * typical)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(images, tf.float32) / self._flux(images)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return x * (self.typical_flux if like is None else self._flux(like))

    def _flux(self, images: tf.Tensor) -> tf.Tensor:
        """Returns F, (batch, 1, 1, 1)."""
        images = tf.cast(images, tf.float32)
        background, noise = background_and_noise(images, self._frame)
        bands = images.shape[-1]
        total = tf.reduce_sum((images - background) * self._disc, axis=(1, 2, 3), keepdims=True)
        variance = tf.reduce_sum(tf.square(noise), axis=-1, keepdims=True) / self._disc_pixels
        flux = tf.maximum(total, self.significance * tf.sqrt(variance)) / bands
        return tf.maximum(flux, tf.maximum(self.flux_floor, _TINY))
