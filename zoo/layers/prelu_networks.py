"""Convolutional encoder and decoder with PReLU, of the deblenders of LSST DESC."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.batch_normalization import GlobalBatchNormalization
from zoo.layers.residual import centre, glorot, he

__all__ = ["prelu_decoder", "prelu_encoder", "prelu_networks"]


def prelu_encoder(
    image_shape: Sequence[int],
    filters: Sequence[int],
    units: int,
    outputs: int,
    seed: int,
    name: str = "encoder",
) -> keras.Model:
    """Returns a network from images to a vector.

        BatchNorm -> stage: [Conv 3x3 -> PReLU -> Conv 3x3 stride 2 -> PReLU]
                  -> Flatten -> Dense -> PReLU -> Dense

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        units: Units of the hidden dense layer.
        outputs: Length of the vector.
        seed: Seed of the initial weights.
        name: Name of the network.

    References:
        Arcelin et al. 2021 (arXiv 2005.12039), figure 4, and its public code.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = GlobalBatchNormalization(dtype="float32")(images)
    for width in filters:
        for strides in (1, 2):
            x = layers.Conv2D(
                width, 3, strides=strides, padding="same", kernel_initializer=he(seeds)
            )(x)
            x = layers.PReLU()(x)
    x = layers.Flatten()(x)
    x = layers.PReLU()(layers.Dense(units, kernel_initializer=he(seeds))(x))
    x = layers.Dense(outputs, kernel_initializer=glorot(seeds), dtype="float32")(x)
    return keras.Model(images, x, name=name)


def prelu_decoder(
    inputs: int,
    image_shape: Sequence[int],
    filters: Sequence[int],
    units: int,
    seed: int,
    name: str = "decoder",
) -> keras.Model:
    """Returns a network from a vector to images, the mirror of `prelu_encoder`.

        Dense -> PReLU -> Dense -> PReLU
              -> stage: [ConvTranspose 3x3 stride 2 -> PReLU -> ConvTranspose 3x3 -> PReLU]
              -> Conv 3x3

    It draws the smallest image that the stages can double up to and that covers `image_shape`, and
    cuts the centre out.

    Args:
        inputs: Length of the vector.
        image_shape: (height, width, channels).
        filters: Filters of each stage, in the order of the encoder.
        units, seed, name: As of `prelu_encoder`.
    """
    seeds = iter(range(seed, seed + 10_000))
    height, width, channels = image_shape
    factor = 2 ** len(filters)
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    vector = keras.Input((inputs,))
    x = layers.PReLU()(layers.Dense(units, kernel_initializer=he(seeds))(vector))
    x = layers.Dense(rows * columns * filters[-1], kernel_initializer=he(seeds))(x)
    x = layers.Reshape((rows, columns, filters[-1]))(layers.PReLU()(x))
    for depth in reversed(filters):
        for strides in (2, 1):
            x = layers.Conv2DTranspose(
                depth, 3, strides=strides, padding="same", kernel_initializer=he(seeds)
            )(x)
            x = layers.PReLU()(x)
    x = layers.Conv2D(
        channels, 3, padding="same", kernel_initializer=glorot(seeds), dtype="float32"
    )(x)
    return keras.Model(vector, centre(x, rows * factor, columns * factor, image_shape), name=name)


def prelu_networks(
    image_shape: Sequence[int],
    filters: Sequence[int],
    outputs: int,
    latent_dim: int,
    units: int,
    maps: int,
    seed: int,
) -> tuple[keras.Model, keras.Model]:
    """Returns a `prelu_encoder` and a `prelu_decoder`.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        outputs: Length of the encoder's vector.
        latent_dim: Length of the decoder's.
        units: Units of the dense layers.
        maps: Maps that the decoder draws for each band.
        seed: Seed of the initial weights.
    """
    height, width, bands = image_shape
    drawn = (height, width, maps * bands)
    return (
        prelu_encoder(image_shape, filters, units, outputs, seed),
        prelu_decoder(latent_dim, drawn, filters, units, seed + 1),
    )
