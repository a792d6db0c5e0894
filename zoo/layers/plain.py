"""Plain convolutional encoder and decoder: one convolution a stage, without normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.residual import centre, glorot, he

__all__ = ["plain_decoder", "plain_encoder"]


def plain_encoder(
    image_shape: Sequence[int],
    filters: Sequence[int],
    outputs: int,
    seed: int,
    name: str = "encoder",
    *,
    pooling: bool = False,
) -> keras.Model:
    """Returns a network from images to a vector.

        stage: Conv 3x3 stride 2 -> [MaxPool 2] -> LeakyReLU;   then Flatten -> Dense

    With pooling, stages of 32, 64, 128 filters and images of 256 px this is the encoder of the
    DECaLS autoencoder, 4 x 4 x 128 before the dense layer.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        outputs: Length of the vector.
        seed: Seed of the initial weights.
        name: Name of the network.
        pooling: Whether a stage also pools, and so reduces the image to a quarter. Default False.

    References:
        Xu et al. 2023 (arXiv 2303.08627) and its public code.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = images
    for width in filters:
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=he(seeds))(x)
        if pooling:
            x = layers.MaxPooling2D(2, padding="same")(x)
        x = layers.LeakyReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(outputs, kernel_initializer=glorot(seeds), dtype="float32")(x)
    return keras.Model(images, x, name=name)


def plain_decoder(
    inputs: int,
    image_shape: Sequence[int],
    filters: Sequence[int],
    seed: int,
    name: str = "decoder",
    *,
    pooling: bool = False,
    nonnegative: bool = False,
) -> keras.Model:
    """Returns a network from a vector to images, the mirror of `plain_encoder`.

        Dense -> stage: [nearest upsampling x 2] -> ConvTranspose 3x3 stride 2 -> LeakyReLU

    and the last stage with one filter a band and no activation or ReLU. It draws the smallest image
    that the stages can grow to and that covers `image_shape`, and cuts the centre out.

    Args:
        inputs: Length of the vector.
        image_shape: (height, width, bands).
        filters: Filters of each stage, in the order of the encoder.
        seed: Seed of the initial weights.
        name: Name of the network.
        pooling: Whether the encoder pools. Default False.
        nonnegative: Whether the images end in a ReLU. Default False.
    """
    seeds = iter(range(seed, seed + 10_000))
    height, width, bands = image_shape
    factor = (4 if pooling else 2) ** len(filters)
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    vector = keras.Input((inputs,))
    x = layers.Dense(rows * columns * filters[-1], kernel_initializer=glorot(seeds))(vector)
    x = layers.Reshape((rows, columns, filters[-1]))(x)
    widths = [*reversed(filters[:-1]), bands]
    for stage, depth in enumerate(widths):
        last = stage == len(widths) - 1
        if pooling:
            x = layers.UpSampling2D(2, interpolation="nearest")(x)
        x = layers.Conv2DTranspose(
            depth,
            3,
            strides=2,
            padding="same",
            kernel_initializer=he(seeds),
            dtype="float32" if last else None,
        )(x)
        if not last:
            x = layers.LeakyReLU()(x)
    if nonnegative:
        x = layers.ReLU(dtype="float32")(x)
    return keras.Model(vector, centre(x, rows * factor, columns * factor, image_shape), name=name)
