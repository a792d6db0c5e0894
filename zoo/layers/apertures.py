"""Aperture photometry as a layer: fluxes through Gaussian weights, each in units of its noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import stretch
from zoo.layer import Float32Layer

__all__ = ["GaussianApertures"]

# On the asinh scale: far above any image, far below the overflow of sinh.
_LIMIT = 30.0


@keras.saving.register_keras_serializable(package="zoo")
class GaussianApertures(Float32Layer):
    """Measures every band of an image through Gaussian apertures about its centre.

        f_bs = sum_p w_ps x_pb / sqrt(sum_p w_ps^2),    w_ps = exp(-r_p^2 / (2 s^2))
        output = asinh(f_bs)

    For x in units of its noise f is a signal-to-noise ratio, that of a matched filter for an object
    of that width, and ratios of apertures measure the size. A convolutional encoder has to learn
    these sums over pixels; given them, it needs a fraction of the images.

    Gaussian-weighted fluxes as in GAaP photometry (Kuijken 2008, A&A 482, 1053). Departure: the
    weights are round, centred on the image, and not matched between PSFs.

    Args:
        sigmas: Standard deviations s of the apertures, in px.
        stretched: Whether the images are asinh(x) and not x. Default True.

    Call arguments:
        images: (batch, height, width, bands).

    Returns:
        (batch, bands * number of apertures) float32, apertures the faster index.

    Raises:
        ValueError: if a width is not positive or there is none.
    """

    def __init__(self, sigmas: Sequence[float], stretched: bool = True, **kwargs: Any):
        super().__init__(**kwargs)
        self.sigmas = tuple(float(sigma) for sigma in sigmas)
        if not self.sigmas or min(self.sigmas) <= 0:
            raise ValueError(f"sigmas of apertures must be positive; got {list(sigmas)}")
        self.stretched = stretched

    def build(self, input_shape: Sequence[int | None]) -> None:
        height, width = input_shape[1:3]
        y = np.arange(height)[:, None, None] - (height - 1) / 2
        x = np.arange(width)[None, :, None] - (width - 1) / 2
        weight = np.exp(-(x**2 + y**2) / (2 * np.square(self.sigmas)))
        weight /= np.sqrt(np.sum(weight**2, axis=(0, 1)))
        self._weight = weight.reshape(height * width, -1).astype(np.float32)
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        height, width, bands = images.shape[1:]
        x = stretch.sinh(images, _LIMIT) if self.stretched else images
        x = tf.transpose(tf.reshape(x, (-1, height * width, bands)), (0, 2, 1))
        flux = tf.matmul(x, self._weight)
        return stretch.asinh(tf.reshape(flux, (-1, bands * len(self.sigmas))))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        return input_shape[0], input_shape[-1] * len(self.sigmas)
