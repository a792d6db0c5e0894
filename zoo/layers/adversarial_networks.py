"""Generator, critic and encoder of a generative adversarial network, without normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.residual import centre, glorot, he

__all__ = ["critic_network", "encoder_network", "generator_network"]

_KERNEL = 5
_SLOPE = 0.2  # of LeakyReLU
_NOISY_STAGES = 2  # the last ones, which read the noise


def generator_network(
    latent_dim: int,
    image_shape: Sequence[int],
    filters: Sequence[int],
    seed: int,
    name: str = "generator",
    *,
    bounded: bool = True,
) -> keras.Model:
    """Returns a network from a vector and maps of noise to images.

        Dense -> ReLU -> stage: ConvTranspose 5x5 stride 2 -> ReLU

    with one filter a band and no ReLU in the last stage. The noise is added to what the last two
    stages read. The network draws the smallest image that the stages can double up to and that
    covers `image_shape`, and cuts the centre out.

    Args:
        latent_dim: Length of the vector.
        image_shape: (height, width, bands).
        filters: Filters of each stage of the critic, from the image to its features.
        seed: Seed of the initial weights.
        name: Name of the network.
        bounded: Whether a sigmoid ends it, for images from 0 to 1. Default True.

    References:
        Storey-Fisher et al. 2021 (arXiv 2105.02434), and its public code.
    """
    seeds = iter(range(seed, seed + 10_000))
    height, width, bands = image_shape
    factor = 2 ** len(filters)
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    vector = keras.Input((latent_dim,), name="latent")
    x = layers.Dense(rows * columns * filters[-1], activation="relu", kernel_initializer=he(seeds))(
        vector
    )
    x = layers.Reshape((rows, columns, filters[-1]))(x)
    widths = [*reversed(filters[:-1]), bands]
    noisy = max(0, len(widths) - _NOISY_STAGES)
    for stage, depth in enumerate(widths):
        if stage == noisy:
            noise = keras.Input(x.shape[1:], name="noise")
            x = layers.Add()([x, noise])
        last = stage == len(widths) - 1
        x = layers.Conv2DTranspose(
            depth,
            _KERNEL,
            strides=2,
            padding="same",
            activation=None if last else "relu",
            kernel_initializer=glorot(seeds) if last else he(seeds),
            dtype="float32" if last else None,
        )(x)
    if bounded:
        x = layers.Activation("sigmoid", dtype="float32")(x)
    x = centre(x, rows * factor, columns * factor, image_shape)
    return keras.Model([vector, noise], x, name=name)


def critic_network(
    image_shape: Sequence[int], filters: Sequence[int], seed: int, name: str = "critic"
) -> keras.Model:
    """Returns a network from images to its last maps and to a number, both float32.

        stage: Conv 5x5 stride 2 -> LeakyReLU;   then Flatten -> Dense

    The number has no bias: the loss, a difference of two of them, does not depend on it.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        seed: Seed of the initial weights.
        name: Name of the network.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    maps = _maps(images, filters, seeds)
    number = layers.Dense(1, use_bias=False, kernel_initializer=glorot(seeds), dtype="float32")(
        layers.Flatten()(maps)
    )
    return keras.Model(images, [layers.Identity(dtype="float32")(maps), number], name=name)


def encoder_network(
    image_shape: Sequence[int],
    filters: Sequence[int],
    outputs: int,
    seed: int,
    name: str = "encoder",
) -> keras.Model:
    """Returns a network from images to a vector, with the convolutions of `critic_network`.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        outputs: Length of the vector, float32.
        seed: Seed of the initial weights.
        name: Name of the network.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = layers.Flatten()(_maps(images, filters, seeds))
    x = layers.Dense(outputs, kernel_initializer=glorot(seeds), dtype="float32")(x)
    return keras.Model(images, x, name=name)


def _maps(x: keras.KerasTensor, filters: Sequence[int], seeds) -> keras.KerasTensor:
    for width in filters:
        x = layers.Conv2D(width, _KERNEL, strides=2, padding="same", kernel_initializer=he(seeds))(
            x
        )
        x = layers.LeakyReLU(_SLOPE)(x)
    return x
