"""Residual network of Wu & Peek 2020: a stem that decorrelates the pixels, and attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from zoo.layer import ZooLayer
from zoo.layers.batch_normalization import GlobalBatchNormalization
from zoo.layers.network_deconvolution import NetworkDeconvolution
from zoo.layers.residual import he

__all__ = ["PixelAttention", "hybrid_residual_network"]

_STEM = (32, 32, 64)


@keras.saving.register_keras_serializable(package="zoo")
class PixelAttention(ZooLayer):
    """Adds to each pixel gamma sum_j (x_i . W x_j) x_j, a sum over all pixels; gamma starts at 0.

    References:
        fastai's `SimpleSelfAttention` (Doria's simplification of Zhang et al. 2019,
        arXiv 1805.08318).
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        self.mixing = self.add_weight(
            name="mixing", shape=(channels, channels), initializer="orthogonal"
        )
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros")
        self.built = True

    def call(self, x: Any) -> Any:
        """Returns the shape of `x`, (batch, height, width, channels)."""
        _, height, width, channels = x.shape
        pixels = keras.ops.reshape(x, (-1, height * width, channels))
        # (x x^T) (W x) without the square of the number of pixels.
        squares = keras.ops.matmul(keras.ops.swapaxes(pixels, 1, 2), pixels)
        mixed = keras.ops.matmul(pixels, keras.ops.matmul(self.mixing, squares))
        return x + self.gamma * keras.ops.reshape(mixed, (-1, height, width, channels))


def hybrid_residual_network(
    image_shape: Sequence[int],
    filters: Sequence[int],
    blocks: int,
    seed: int,
    name: str = "backbone",
) -> keras.Model:
    """Returns a network from images to a vector of `filters[-1]` features.

    Three convolutions with `NetworkDeconvolution`, a maximum of 3x3 pixels, and stages of residual
    blocks with Mish and batch normalisation (over the global batch), of which all but the first
    halve the image; attention ends the first stage.

    Args:
        image_shape: (height, width, bands).
        filters: Filters of each stage; (64, 128, 256, 512) and two blocks make xresnet18.
        blocks: Residual blocks of each stage.
        seed: Seed of the initial weights.
        name: Name of the network.

    References:
        Wu & Peek 2020 (arXiv 2009.12318); He et al. 2019 (arXiv 1812.01187), ResNet-C and -D.
    """
    seeds = iter(range(seed, seed + 10_000))
    images = keras.Input(tuple(image_shape))
    x = images
    for place, width in enumerate(_STEM):
        x = NetworkDeconvolution(width, strides=1 if place else 2, kernel_initializer=he(seeds))(x)
        x = layers.Activation("mish")(x)
    x = layers.MaxPooling2D(3, 2, padding="same")(x)
    for stage, width in enumerate(filters):
        for block in range(blocks):
            x = _block(x, width, 2 if stage and not block else 1, seeds)
        if not stage:
            x = PixelAttention()(x)
    return keras.Model(images, layers.GlobalAveragePooling2D()(x), name=name)


def _block(x: Any, width: int, strides: int, seeds: Any) -> Any:
    y = layers.Activation("mish")(_convolution(x, width, strides, "ones", seeds))
    # The block starts as its shortcut.
    y = _convolution(y, width, 1, "zeros", seeds)
    if strides > 1:
        x = layers.AveragePooling2D(strides, padding="same")(x)
    if x.shape[-1] != width:
        x = layers.Conv2D(width, 1, use_bias=False, kernel_initializer=he(seeds))(x)
        x = GlobalBatchNormalization()(x)
    return layers.Activation("mish")(layers.Add()([x, y]))


def _convolution(x: Any, width: int, strides: int, gamma: str, seeds: Any) -> Any:
    x = layers.Conv2D(
        width, 3, strides, padding="same", use_bias=False, kernel_initializer=he(seeds)
    )(x)
    return GlobalBatchNormalization(gamma_initializer=gamma)(x)
