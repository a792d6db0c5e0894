"""Images in units of their own noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["BackgroundNoiseNormalization"]


@register("background_noise")
class BackgroundNoiseNormalization(Preprocessing):
    """x -> (x - background) / sigma, for each image and band, from the pixels of its border.

    background is the median and sigma 1.4826 times the median absolute deviation of a frame of
    `border` pixels. With a neighbour in the frame both stay close to those of the sky as long as
    it covers well under half of it; a galaxy that fills the image, or a sky with a gradient,
    biases both. A frame without noise (cut-off sky of a colour composite, zero padding) would
    make sigma vanish: it is held above a tenth of the median sigma of the images seen by `adapt`
    (of those with any noise, or of the scatter of all their pixels if none has), or above
    `floor` where that is larger.

    Args:
        border: Width of the frame in px; default None for an eighth of the shorter side, at
            least 2.
        floor: Smallest sigma in survey units, default 1e-6.

    Raises:
        ValueError: if `border` is under 1 px or `floor` is not positive; in `adapt`, if the noise
            of the images is below `floor`.
    """

    def __init__(self, border: int | None = None, floor: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        if border is not None and border < 1:
            raise ValueError(f"border of 'background_noise' must be at least 1 px; got {border}")
        if floor <= 0:
            raise ValueError(f"floor of 'background_noise' must be positive; got {floor}")
        self.border = border
        self.floor = floor

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, bands = input_shape[1:]
        self._frame = border_pixels(height, width, self.border or border_width(height, width))
        self.typical_background = self.add_statistic("typical_background", (bands,))
        self.typical_noise = self.add_statistic("typical_noise", (bands,), "ones")
        self.noise_floor = self.add_statistic("noise_floor", (bands,))
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        parts = [
            background_and_noise(images[i : i + 256], self._frame)
            for i in range(0, len(images), 256)
        ]
        background, noise = (np.concatenate([p[k] for p in parts])[:, 0, 0] for k in (0, 1))
        scatter = images.std(axis=(0, 1, 2), dtype=np.float64)
        typical = np.array(
            [
                np.median(band[band > 0]) if (band > 0).any() else spread or 1.0
                for band, spread in zip(noise.T, scatter, strict=True)
            ]
        )
        if (typical < self.floor).any():
            raise ValueError(
                f"floor of 'background_noise' must be below the noise of the images, "
                f"{typical.min():.2g} in their units, which it would hide; got {self.floor:g}"
            )
        self.typical_background.assign(np.median(background, axis=0))
        self.typical_noise.assign(typical)
        self.noise_floor.assign(0.1 * typical)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        # Repeated along the rows, for TensorFlow is slow to do it over an axis as short as bands.
        background, noise = (
            tf.tile(value, (1, 1, images.shape[2], 1))
            for value in self._background_and_noise(images)
        )
        return (tf.cast(images, tf.float32) - background) / noise

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        if like is None:
            return x * self.typical_noise + self.typical_background
        background, noise = self._background_and_noise(like)
        return x * noise + background

    def _background_and_noise(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        background, noise = background_and_noise(images, self._frame)
        return background, tf.maximum(noise, tf.maximum(self.noise_floor, self.floor))
