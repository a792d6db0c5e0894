"""Inception network of Pasquet et al. for photometric redshifts."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from zoo.layers.residual import he

__all__ = ["inception_network"]

# Filters (a, b) of the blocks; "pool" halves the image.
_STEM = 64
_BLOCKS = ((48, 64), (64, 92), "pool", (92, 128), (92, 128), "pool")
_LAST = (92, 128)


def inception_network(
    image_shape: Sequence[int], width: float, seed: int, name: str = "inception"
) -> keras.Model:
    """Returns a network from images to a vector.

        Conv 5x5 (64) -> pool -> I(48, 64) -> I(64, 92) -> pool -> I(92, 128) -> I(92, 128) -> pool
        -> I(92, 128) without its 5x5 -> Flatten
        I(a, b) = [1x1 a -> 3x3 b | 1x1 a -> 5x5 b | 1x1 a -> pool 2x2, stride 1 | 1x1 b]

    Every convolution is followed by a PReLU with a slope for each filter, which starts at 0; pools
    take the mean of 2 x 2 pixels. Images of 64 px give 22,272 numbers.

    Args:
        image_shape: (height, width, bands).
        width: Factor of all numbers of filters.
        seed: Seed of the initial weights.
        name: Name of the network.

    References:
        Pasquet et al. 2019 (A&A 621, A26; arXiv 1806.06607), figure 4, and its public code.
    """
    seeds = iter(range(seed, seed + 10_000))

    def convolution(x, filters: int, side: int):
        filters = max(1, round(width * filters))
        x = layers.Conv2D(filters, side, padding="same", kernel_initializer=he(seeds))(x)
        return layers.PReLU(shared_axes=(1, 2))(x)

    def block(x, first: int, second: int, with_5x5: bool = True):
        branches = [convolution(convolution(x, first, 1), second, 3)]
        if with_5x5:
            branches.append(convolution(convolution(x, first, 1), second, 5))
        pooled = layers.AveragePooling2D(2, strides=1, padding="same")(convolution(x, first, 1))
        return layers.Concatenate()([*branches, pooled, convolution(x, second, 1)])

    def pool(x):
        return layers.AveragePooling2D(2, padding="same")(x)

    images = keras.Input(tuple(image_shape))
    x = pool(convolution(images, _STEM, 5))
    for each in _BLOCKS:
        x = pool(x) if each == "pool" else block(x, *each)
    x = block(x, *_LAST, with_5x5=False)
    return keras.Model(images, layers.Flatten()(x), name=name)
