"""Images in units of their own noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.preprocessing.base import Preprocessing, register

__all__ = ["BackgroundNoiseNormalization"]

# From median absolute deviation to standard deviation, for a normal distribution.
_MAD_TO_SIGMA = 1.4826


@register("background_noise")
class BackgroundNoiseNormalization(Preprocessing):
    """x -> (x - background) / sigma, for each image and band, from the pixels of its border.

    background is the median and sigma 1.4826 times the median absolute deviation of a frame of
    `border` pixels. With a neighbour in the frame both stay close to those of the sky as long as
    it covers well under half of it. A frame without noise (cut-off sky of a colour composite,
    zero padding) would make sigma vanish: it is held above a tenth of the median sigma of the
    images seen by `adapt`, or above `floor` where that is larger.

    Args:
        border: Width of the frame in px; default None for an eighth of the shorter side, at
            least 2.
        floor: Smallest sigma in survey units, default 1e-6.
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
        border = self.border or max(2, min(height, width) // 8)
        frame = np.ones((height, width), bool)
        frame[border : height - border, border : width - border] = False
        self._frame = np.flatnonzero(frame).astype(np.int32)
        self.typical_background = self.add_weight(
            name="typical_background", shape=(bands,), initializer="zeros", trainable=False
        )
        self.typical_noise = self.add_weight(
            name="typical_noise", shape=(bands,), initializer="ones", trainable=False
        )
        self.noise_floor = self.add_weight(
            name="noise_floor", shape=(bands,), initializer="zeros", trainable=False
        )
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        self.noise_floor.assign(np.zeros(images.shape[-1]))
        parts = [self._background_and_noise(images[i : i + 256]) for i in range(0, len(images), 256)]
        background, noise = (np.concatenate([np.asarray(p[k]) for p in parts]) for k in (0, 1))
        self.typical_background.assign(np.median(background, axis=(0, 1, 2)))
        self.typical_noise.assign(np.median(noise, axis=(0, 1, 2)))
        self.noise_floor.assign(0.1 * np.median(noise, axis=(0, 1, 2)))

    def call(self, images: tf.Tensor) -> tf.Tensor:
        background, noise = self._background_and_noise(images)
        return (tf.cast(images, tf.float32) - background) / noise

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        if like is None:
            return x * self.typical_noise + self.typical_background
        background, noise = self._background_and_noise(like)
        return x * noise + background

    def _background_and_noise(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.cast(images, tf.float32)
        bands = images.shape[-1]
        pixels = tf.reshape(images, (-1, images.shape[1] * images.shape[2], bands))
        frame = tf.transpose(tf.gather(pixels, self._frame, axis=1), (0, 2, 1))
        background = _median(frame)
        noise = _MAD_TO_SIGMA * _median(tf.abs(frame - background))
        floor = tf.maximum(self.noise_floor, self.floor)
        shape = (-1, 1, 1, bands)
        return tf.reshape(background, shape), tf.maximum(tf.reshape(noise, shape), floor)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "border": self.border, "floor": self.floor}


def _median(values: tf.Tensor) -> tf.Tensor:
    """Median over the last axis, kept as an axis of length one."""
    count = values.shape[-1]
    upper = tf.math.top_k(values, k=count // 2 + 1, sorted=True).values
    middle = upper[..., -1:]
    return middle if count % 2 else (middle + upper[..., -2:-1]) / 2
