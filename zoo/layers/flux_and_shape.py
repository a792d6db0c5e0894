"""A decoder that draws how much light there is apart from where it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo.layer import Float32Layer
from zoo.layers.residual import glorot, he, residual_decoder, residual_encoder

__all__ = ["FluxAndShape", "flux_decoder", "residual_networks"]

# Standard deviations, px, of the apertures that the encoder has besides.
_APERTURES = (1.0, 1.5, 2.2, 3.3, 5.0)

# Hidden units between latents and fluxes.
_UNITS = 64
# Moffat profile at which the shapes start: the scale in px, and the exponent.
_START_SCALE, _START_EXPONENT = 3.0, 2.5
# Flux of an image in units of the typical one: from e^-20 to e^20.
_LARGEST_LOG_FLUX = 20.0


@keras.saving.register_keras_serializable(package="zoo")
class FluxAndShape(Float32Layer):
    """Spreads a flux in each band over the pixels.

        image_pb = f_b exp(a_b) softmax_p(r_pb + Moffat_p)

    The flux of a band is one number, and its error does not depend on that of the shape; light is
    never negative, and faint wings are drawn on a logarithmic scale. The fixed Moffat profile at
    the centre is where training starts.

    Call arguments:
        logits: r, (batch, height, width, bands).
        log_flux: a, (batch, bands), of the flux in units of the typical one, f.

    Returns:
        (batch, height, width, bands) float32, in survey units.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)

    def build(self, input_shape: Sequence[int | None], *_: Any) -> None:
        _, height, width, bands = input_shape
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        radius2 = (rows - height // 2) ** 2 + (columns - width // 2) ** 2
        start = -_START_EXPONENT * np.log1p(radius2 / _START_SCALE**2)
        self._start = tf.constant(start[..., None], tf.float32)
        self.typical_flux = self.add_statistic("typical_flux", (bands,), "ones")
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Sets the typical flux of each band, the median over sky-subtracted images.

        Args:
            images: (number, height, width, bands) in survey units.
        """
        flux = np.median(images.sum(axis=(1, 2), dtype=np.float64), axis=0)
        self.typical_flux.assign(np.where(flux > 0, flux, 1.0))

    def call(self, logits: tf.Tensor, log_flux: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(logits, tf.float32) + self._start
        highest = tf.stop_gradient(tf.reduce_max(logits, axis=(1, 2), keepdims=True))
        light = tf.exp(logits - highest)
        total = tf.reduce_sum(light, axis=(1, 2), keepdims=True)
        a = tf.clip_by_value(tf.cast(log_flux, tf.float32), -_LARGEST_LOG_FLUX, _LARGEST_LOG_FLUX)
        return light * (self.typical_flux * tf.exp(a))[:, None, None] / total

    def compute_output_shape(self, input_shape: Sequence[int | None], *_: Any):
        return tuple(input_shape)


def flux_decoder(
    inputs: int,
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    seed: int,
    name: str = "decoder",
) -> keras.Model:
    """Returns a network from a vector to images and to a further map of each band.

    Dense layers, one of them directly, lead from the vector to the fluxes, and a
    `zoo.layers.residual.residual_decoder` to the shapes and to the further maps. The layer
    `flux_and_shape` holds the typical fluxes.

    Args:
        inputs: Length of the vector.
        image_shape: (height, width, bands).
        filters: Filters of each stage, in the order of the encoder.
        blocks: Residual blocks of each stage.
        seed: Seed of the initial weights.
        name: Name of the network.

    Returns:
        The network; its outputs are images in survey units and the maps, each
        (batch, *image_shape) float32.
    """
    height, width, bands = image_shape
    vector = keras.Input((inputs,))
    drawing = residual_decoder(
        inputs, (height, width, 2 * bands), filters, blocks, seed, name="maps"
    )
    maps = drawing(vector)
    seeds = iter(range(seed + 10_000, seed + 20_000))
    hidden = layers.Dense(_UNITS, activation="leaky_relu", kernel_initializer=he(seeds))(vector)
    log_flux = layers.Dense(bands, kernel_initializer=glorot(seeds), dtype="float32")(
        layers.Concatenate()([vector, hidden])
    )
    images = FluxAndShape(name="flux_and_shape")(maps[..., :bands], log_flux)
    return keras.Model(vector, [images, maps[..., bands:]], name=name)


def residual_networks(
    image_shape: Sequence[int],
    filters: Sequence[int],
    outputs: int,
    latent_dim: int,
    blocks: int,
    seed: int,
) -> tuple[keras.Model, keras.Model]:
    """Returns a residual encoder with aperture fluxes, and a `flux_decoder`.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        outputs: Length of the encoder's vector.
        latent_dim: Length of the decoder's.
        blocks: Residual blocks of each stage.
        seed: Seed of the initial weights.
    """
    encoder = residual_encoder(
        image_shape, filters, blocks, outputs, seed, name="encoder", apertures=_APERTURES
    )
    return encoder, flux_decoder(latent_dim, image_shape, filters, blocks, seed + 1)
