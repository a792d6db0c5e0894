"""Images without their sky, in units of their brightest pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.preprocessing.base import Preprocessing, register
from zoo.preprocessing.border import background_and_noise, border_pixels, border_width

__all__ = ["SkyClip"]


@register("sky_clip")
class SkyClip(Preprocessing):
    """x -> s / max s, with s = x - background where that is above `level` sigma, and 0 elsewhere.

    Background and sigma are the median and 1.4826 times the median absolute deviation of a frame of
    each image and band; the maximum is that of the image over all of its bands. An image without
    such a pixel becomes zero. `inverse` gives back the background where pixels were clipped, the
    median one of the images of `adapt` where there is no image.

    Args:
        level: Pixels at most so many sigma above the background are sky. Default 1.
        border: Width of the frame in px; default None for an eighth of the shorter side, at
            least 2.

    Raises:
        ValueError: if `level` is negative or `border` under 1 px.

    References:
        Cheng et al. 2021 (arXiv 2009.11932), section 2; there is no frame there.
    """

    def __init__(self, level: float = 1.0, border: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if level < 0:
            raise ValueError(f"level of 'sky_clip' must be at least 0; got {level}")
        if border is not None and border < 1:
            raise ValueError(f"border of 'sky_clip' must be at least 1 px; got {border}")
        self.level = level
        self.border = border

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width, bands = input_shape[1:]
        self._frame = border_pixels(height, width, self.border or border_width(height, width))
        self.typical_background = self.add_statistic("typical_background", (bands,))
        self.typical_peak = self.add_statistic("typical_peak", (), "ones")
        self.built = True

    def _adapt(self, images: np.ndarray) -> None:
        background = in_parts(lambda part: self._sky_and_peak(part)[0], images)
        peak = in_parts(lambda part: self._sky_and_peak(part)[2], images)
        self.typical_background.assign(np.median(background, axis=(0, 1, 2)))
        self.typical_peak.assign(np.median(peak[peak > 0]) if (peak > 0).any() else 1.0)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        _, signal, peak = self._sky_and_peak(images)
        return tf.math.divide_no_nan(signal, peak)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        if like is None:
            return x * self.typical_peak + self.typical_background
        background, _, peak = self._sky_and_peak(like)
        return x * peak + background

    def _sky_and_peak(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the background, the light above the sky, and its largest value."""
        images = tf.cast(images, tf.float32)
        background, noise = background_and_noise(images, self._frame)
        light = images - background
        signal = tf.where(light > self.level * noise, light, 0.0)
        return background, signal, tf.reduce_max(signal, axis=(1, 2, 3), keepdims=True)
