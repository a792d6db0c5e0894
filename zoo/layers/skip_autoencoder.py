"""Convolutional autoencoder whose feature maps can be read stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
from keras import layers

from zoo.layers.crop_to_match import CropToMatch
from zoo.layers.residual import glorot, he

__all__ = ["skip_autoencoder"]


def skip_autoencoder(
    image_shape: Sequence[int | None],
    filters: Sequence[int],
    blocks: int,
    residual: bool,
    seed: int,
    name: str = "autoencoder",
    outputs: int | None = None,
) -> tuple[keras.Model, tuple[int, ...]]:
    """Returns a network from images to their reproduction and to the feature maps on the way.

    The first stage keeps the size of the image and each further one halves it. Kernels of even
    size halve and double, so that the pixel i of a map lies over the middle of the pixels f i to
    f (i + 1) - 1 of the image, without a shift that would add up from stage to stage.

    Args:
        image_shape: (height, width, bands); None for a height or width that may be any.
        filters: Filters of each stage.
        blocks: Blocks of two 3x3 convolutions of each stage, in encoder and decoder.
        residual: Whether each block adds to its input, and each stage of the decoder to the map
            of the same size in the encoder.
        seed: Seed of the initial weights.
        name: Name of the network.
        outputs: Channels of the reproduction; None (default) for the bands of the images.

    Returns:
        The network, with the outputs [reproduction, map, map, ...]: encoder from the largest map
        to the smallest, then decoder back to the largest. And the factor f of each map.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = layers.Conv2D(filters[0], 3, padding="same", kernel_initializer=he(seeds))(images)
    encoded = [_blocks(x, filters[0], blocks, residual, seeds)]
    for width in filters[1:]:
        x = layers.Activation("leaky_relu")(encoded[-1])
        x = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=he(seeds))(x)
        encoded.append(_blocks(x, width, blocks, residual, seeds))
    x, decoded = encoded[-1], []
    for width, beside in reversed(list(zip(filters, encoded[:-1], strict=False))):
        x = layers.Activation("leaky_relu")(x)
        x = layers.Conv2DTranspose(
            width, 4, strides=2, padding="same", kernel_initializer=he(seeds)
        )(x)
        # The decoder of an odd map is one pixel larger.
        x = CropToMatch()([x, beside])
        if residual:
            x = layers.Add()([x, beside])
        x = _blocks(x, width, blocks, residual, seeds)
        decoded.append(x)
    x = layers.Activation("leaky_relu")(x)
    channels = outputs or image_shape[-1]
    drawn = layers.Conv2D(
        channels, 3, padding="same", kernel_initializer=glorot(seeds), dtype="float32"
    )(x)
    factors = [2**stage for stage in range(len(filters))]
    network = keras.Model(images, [drawn, *encoded, *decoded], name=name)
    return network, (*factors, *reversed(factors[:-1]))


def _blocks(x, width: int, blocks: int, residual: bool, seeds: Iterator[int]):
    for _ in range(blocks):
        y = layers.Activation("leaky_relu")(x)
        y = layers.Conv2D(width, 3, padding="same", kernel_initializer=he(seeds))(y)
        y = layers.Activation("leaky_relu")(y)
        # The last convolution of a residual block starts at zero, see `zoo.layers.residual`.
        last = "zeros" if residual else he(seeds)
        y = layers.Conv2D(width, 3, padding="same", kernel_initializer=last)(y)
        x = layers.Add()([x, y]) if residual else y
    return x
