"""Colours of an object through apertures of several widths, as a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer
from zoo.layers.apertures import GaussianApertures
from zoo.layers.feature_scaling import FeatureScaling

__all__ = ["ApertureColours"]


@keras.saving.register_keras_serializable(package="zoo")
class ApertureColours(Float32Layer):
    """Colours in each aperture, and the fluxes of the middle band, standardised.

        c_bs = asinh f_bs - asinh f_(b+1)s,    m_s = asinh f_Bs,    B the middle band

    f are the fluxes of `zoo.layers.apertures.GaussianApertures` in units of their noise: for bright
    objects c is a colour, magnitudes / 1.086 plus a constant. A redshift follows from small
    differences between large fluxes, which a network that is given the fluxes has to find first.
    `adapt` sets mean and standard deviation of each number.

    Args:
        sigmas: Standard deviations of the apertures, px.

    Call arguments:
        images: (batch, height, width, bands), asinh of the flux in units of the noise.

    Returns:
        (batch, bands * number of apertures) float32.

    Raises:
        ValueError: if a width is not positive or there is none.
    """

    def __init__(self, sigmas: Sequence[float], **kwargs: Any):
        super().__init__(**kwargs)
        self.sigmas = tuple(float(sigma) for sigma in sigmas)
        self.apertures = GaussianApertures(self.sigmas, name="apertures")

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.apertures.build(input_shape)
        self.scaling = FeatureScaling(input_shape[-1] * len(self.sigmas), name="scaling")
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Sets mean and standard deviation of each number.

        Args:
            images: As in the call.
        """
        self.scaling.adapt(self._measure(images).numpy())

    def _measure(self, images: tf.Tensor) -> tf.Tensor:
        bands, number = images.shape[-1], len(self.sigmas)
        fluxes = tf.reshape(self.apertures(images), (-1, bands, number))
        reference = fluxes[:, bands // 2]
        if bands == 1:
            return reference
        colours = tf.reshape(fluxes[:, :-1] - fluxes[:, 1:], (-1, (bands - 1) * number))
        return tf.concat([colours, reference], axis=1)

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return self.scaling(self._measure(images))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, int]:
        return input_shape[0], input_shape[-1] * len(self.sigmas)
