"""Residual networks with batch normalisation whose features are means over the image."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.batch_normalization import GlobalBatchNormalization
from zoo.layers.residual import he

__all__ = ["perceptron", "pooled_residual_network"]

# Faster than Keras's 0.99: teachers follow the statistics too.
_MOMENTUM = 0.9


def pooled_residual_network(
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    seed: int,
    name: str = "backbone",
) -> keras.Model:
    """Returns a network from images to a vector of `filters[-1]` features, none negative.

    Each stage halves the image with a strided convolution and, but for the first, adds `blocks`
    residual blocks (He et al. 2016, arXiv:1603.05027) of two convolutions. Normalisation is over
    the global batch.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage.
        blocks: Residual blocks of each stage after the first.
        seed: Seed of the initial weights.
        name: Name of the network.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = images
    for stage, width in enumerate(filters):
        x = _convolution(x, width, seeds, strides=2)
        for _ in range(blocks if stage else 0):
            y = _convolution(layers.ReLU()(x), width, seeds)
            y = _convolution(layers.ReLU()(y), width, seeds)
            x = layers.Add()([x, y])
        x = layers.ReLU()(x)
    return keras.Model(images, layers.GlobalAveragePooling2D()(x), name=name)


def perceptron(inputs: int, hidden: int, outputs: int, seed: int, name: str) -> keras.Model:
    """Returns dense, batch normalisation, ReLU, dense: head and predictor of contrastive models.

    Args:
        inputs: Length of the input.
        hidden: Hidden units.
        outputs: Length of the output, float32.
        seed: Seed of the initial weights.
        name: Name of the network.
    """
    seeds = iter(range(seed, seed + 10))
    x = keras.Input((inputs,))
    y = layers.Dense(hidden, use_bias=False, kernel_initializer=he(seeds))(x)
    y = layers.ReLU()(GlobalBatchNormalization(momentum=_MOMENTUM)(y))
    y = layers.Dense(outputs, kernel_initializer=he(seeds), dtype="float32")(y)
    return keras.Model(x, y, name=name)


def _convolution(x, width: int, seeds, strides: int = 1):
    x = layers.Conv2D(
        width, 3, strides, padding="same", use_bias=False, kernel_initializer=he(seeds)
    )(x)
    return GlobalBatchNormalization(momentum=_MOMENTUM)(x)
