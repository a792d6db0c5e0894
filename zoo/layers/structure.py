"""Structure that real galaxies and real noise have, and drawn ones do not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import randomness
from zoo.layer import Float32Layer

__all__ = ["RandomStructure"]

# Reach of the kernels in units of their standard deviation.
_REACH = 3


@keras.saving.register_keras_serializable(package="zoo")
class RandomStructure(Float32Layer):
    """Modulates images by smooth random fields, and adds smooth noise; for training.

        x' = x (1 + u f g_1) + v c g_2,    u, v ~ U(0, 1) for each image

    g_1 and g_2 are Gaussian random fields of unit variance in each pixel, white noise convolved
    with a Gaussian. The first stands for arms, clumps and dust, which parametric galaxies lack,
    the second for the noise of neighbouring pixels of combined or interpolated images, and for
    sources below the limit. A network that has seen them takes neither for a companion.

    Args:
        relative: f, largest relative modulation.
        noise: c, largest standard deviation of the smooth noise, in the units of the images.
        scale: Standard deviation of the Gaussian, px. Default 1.5, a seeing of 3.5 px.

    Call arguments:
        images: (batch, height, width, bands).
        seed: Stateless seed, int32 of shape (2,); the same seed gives the same fields.

    Raises:
        ValueError: if a number is negative, or `scale` is not positive.
    """

    def __init__(self, relative: float, noise: float, scale: float = 1.5, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value in (("relative", relative), ("noise", noise)):
            if value < 0:
                raise ValueError(f"{name} of RandomStructure must be at least 0; got {value}")
        if scale <= 0:
            raise ValueError(f"scale of RandomStructure must be positive; got {scale}")
        self.relative = relative
        self.noise = noise
        self.scale = scale
        reach = int(np.ceil(_REACH * scale))
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / scale) ** 2)
        # Of a separable kernel of unit sum of squares the field has unit variance.
        self._kernel = (kernel / np.sqrt(np.sum(kernel**2))).astype(np.float32)

    def call(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        purposes = tf.random.experimental.stateless_split(seed, 3)
        amplitude = randomness.uniform(tf.shape(images)[0], (2, 1, 1, 1), purposes[0])
        modulation = self.relative * amplitude[:, 0] * self._field(images, purposes[1])
        return images * (1 + modulation) + (
            self.noise * amplitude[:, 1] * self._field(images, purposes[2])
        )

    def compute_output_shape(self, input_shape, *unused):
        return input_shape

    def _field(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        _, height, width, bands = images.shape
        margin = len(self._kernel) - 1
        shape = (height + margin, width + margin, bands)
        field = randomness.normal(tf.shape(images)[0], shape, seed)
        for along in ((-1, 1, 1, 1), (1, -1, 1, 1)):
            kernel = tf.tile(tf.reshape(self._kernel, along), (1, 1, bands, 1))
            field = tf.nn.depthwise_conv2d(field, kernel, (1, 1, 1, 1), "VALID")
        return field
