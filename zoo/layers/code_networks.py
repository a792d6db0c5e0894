"""Convolutional encoder and decoder of a grid of vectors, for vector-quantised autoencoders."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.residual import centre, glorot, he

__all__ = ["code_decoder", "code_encoder"]


def code_encoder(
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    residual_filters: int,
    length: int,
    seed: int,
) -> keras.Model:
    """Returns a network from images to a grid of vectors.

    Convolutions of 4 x 4 with a stride of 2, one of 3 x 3, residual blocks of 3 x 3 and 1 x 1, and
    a linear one of 1 x 1 (van den Oord et al. 2017, section 4.1).

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each strided convolution; the last is the width of all that follow.
        blocks: Residual blocks.
        residual_filters: Filters of the 3 x 3 convolutions in the blocks.
        length: Length of the vectors.
        seed: Seed of the initial weights.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = images
    for depth in filters:
        x = _convolution(depth, 4, seeds, strides=2)(x)
        x = layers.Activation("relu")(x)
    x = _residual_stack(_convolution(filters[-1], 3, seeds)(x), blocks, residual_filters, seeds)
    x = layers.Conv2D(length, 1, kernel_initializer=glorot(seeds), dtype="float32")(x)
    return keras.Model(images, x, name="encoder")


def code_decoder(
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    residual_filters: int,
    length: int,
    seed: int,
) -> keras.Model:
    """Returns a network from a grid of vectors to images, the mirror of `code_encoder`.

    What it draws may be larger than the image; its centre is returned.

    Args:
        image_shape, filters, blocks, residual_filters, length, seed: As of `code_encoder`.
    """
    seeds = iter(range(seed, seed + 10_000))
    height, width, bands = image_shape
    factor = 2 ** len(filters)
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    vectors = keras.Input((rows, columns, length))
    x = _convolution(filters[-1], 3, seeds)(vectors)
    x = _residual_stack(x, blocks, residual_filters, seeds)
    for depth in reversed(filters[:-1]):
        x = layers.Conv2DTranspose(
            depth, 4, strides=2, padding="same", kernel_initializer=he(seeds)
        )(x)
        x = layers.Activation("relu")(x)
    x = layers.Conv2DTranspose(
        bands, 4, strides=2, padding="same", kernel_initializer=glorot(seeds), dtype="float32"
    )(x)
    drawn = centre(x, rows * factor, columns * factor, image_shape)
    return keras.Model(vectors, drawn, name="decoder")


def _residual_stack(x, blocks: int, residual_filters: int, seeds):
    depth = x.shape[-1]
    for _ in range(blocks):
        y = layers.Activation("relu")(x)
        y = layers.Activation("relu")(_convolution(residual_filters, 3, seeds)(y))
        x = layers.Add()([x, _convolution(depth, 1, seeds)(y)])
    return layers.Activation("relu")(x)


def _convolution(depth: int, size: int, seeds, strides: int = 1) -> layers.Conv2D:
    return layers.Conv2D(depth, size, strides=strides, padding="same", kernel_initializer=he(seeds))
