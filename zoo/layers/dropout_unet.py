"""The U-Net of Morpheus: batch normalisation, dropout, bicubic enlargement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from zoo import randomness
from zoo.layers.batch_normalization import GlobalBatchNormalization

__all__ = ["DropoutUNet", "bicubic_doubling"]

_KERNEL = 3


class DropoutUNet(layers.Layer):
    """U-Net over windows of one size.

        down     `down_convolutions` blocks of filters[i], then the largest of 2 x 2 pixels
        middle   a block of `middle_filters`
        up       doubled by bicubic interpolation, joined by the map of the way down, then
                 `up_convolutions` blocks of filters[0], filters[1], ... in this order
        last     convolution to the classes, without activation

    A block is batch normalisation, a 3 x 3 convolution with ReLU, and dropout.

    Args:
        size: Side of the windows, px; divisible by 2 for each of the filters.
        bands: Channels of the windows.
        classes: Channels of the answer.
        filters: Filters of the three levels. Default (8, 16, 32).
        down_convolutions: Blocks of each level on the way down. Default 4.
        middle_filters: Filters of the block between. Default 16.
        up_convolutions: Blocks of each level on the way up. Default 2.
        dropout: Share that is dropped behind each block in training. Default 0.5.
        seed: Seed of the initial weights.

    References:
        Hausen & Robertson 2020 (arXiv 1906.11248) and its released code; Ronneberger et al. 2015
        (arXiv 1505.04597).
    """

    def __init__(
        self,
        size: int,
        bands: int,
        classes: int,
        *,
        filters: Sequence[int] = (8, 16, 32),
        down_convolutions: int = 4,
        middle_filters: int = 16,
        up_convolutions: int = 2,
        dropout: float = 0.5,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.levels = len(filters)
        self.down_convolutions = down_convolutions
        self.up_convolutions = up_convolutions
        self.dropout = dropout
        seeds = iter(range(seed, seed + 10_000))
        self.blocks, channels, beside = [], bands, []
        for width in filters:
            for _ in range(down_convolutions):
                self.blocks.append(_block(channels, width, next(seeds)))
                channels = width
            beside.append(channels)
        self.blocks.append(_block(channels, middle_filters, next(seeds)))
        channels = middle_filters
        for width, joined in zip(filters, reversed(beside), strict=True):
            channels += joined
            for _ in range(up_convolutions):
                self.blocks.append(_block(channels, width, next(seeds)))
                channels = width
        self.last = layers.Conv2D(
            classes,
            _KERNEL,
            padding="same",
            kernel_initializer=_initializer(next(seeds)),
            dtype="float32",
        )
        self.last.build((None, None, None, channels))
        # From the smallest map on.
        sizes = [size >> level for level in range(self.levels, 0, -1)]
        self._doublings = [bicubic_doubling(side) for side in sizes]
        self.built = True

    def call(
        self, windows: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the logits, (number, size, size, classes) float32.

        Args:
            windows: (number, size, size, bands), standardised.
            training: Whether batch normalisation is that of the batch.
            seed: Stateless seed of the dropout; None for no dropout.
        """
        through = self._blocks_in_turn(training, seed)
        x, beside = self._down(windows, through)
        for doubling, joined in zip(self._doublings, reversed(beside), strict=True):
            matrix = tf.constant(doubling, x.dtype)
            x = tf.einsum("yi,xj,nijc->nyxc", matrix, matrix, x)
            x = through(tf.concat([x, joined], axis=-1), self.up_convolutions)
        return self.last(x)

    def features(self, windows: tf.Tensor) -> tf.Tensor:
        """Returns the mean over the smallest map, (number, middle_filters) float32.

        Args:
            windows: As in `call`.
        """
        x, _ = self._down(windows, self._blocks_in_turn(training=False, seed=None))
        return tf.cast(tf.reduce_mean(x, axis=(1, 2)), tf.float32)

    def _blocks_in_turn(
        self, training: bool, seed: tf.Tensor | None
    ) -> Callable[[tf.Tensor, int], tf.Tensor]:
        """Returns a function that sends a map through the next so many blocks."""
        seeds = [None] * len(self.blocks)
        if seed is not None:
            seeds = tf.unstack(tf.random.experimental.stateless_split(seed, len(self.blocks)))
        steps = zip(self.blocks, seeds, strict=True)

        def through(x: tf.Tensor, number: int) -> tf.Tensor:
            for _ in range(number):
                block, own_seed = next(steps)
                x = randomness.dropout(block(x, training=training), self.dropout, own_seed)
            return x

        return through

    def _down(
        self, windows: tf.Tensor, through: Callable[[tf.Tensor, int], tf.Tensor]
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Returns the smallest map, and those of the levels on the way to it."""
        x, beside = windows, []
        for _ in range(self.levels):
            x = through(x, self.down_convolutions)
            beside.append(x)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return through(x, 1), beside


def bicubic_doubling(size: int) -> np.ndarray:
    """Returns the matrix, (2 size, size), that doubles a row of pixels by bicubic interpolation.

    The first and last pixels keep their places (`align_corners` of TensorFlow 1, with Keys' kernel
    of a = -0.75), as in the released code. As a matrix it is compiled by XLA, which the operation
    of TensorFlow is not.
    """
    places = np.linspace(0, size - 1, 2 * size)
    left = np.floor(places).astype(int)
    matrix = np.zeros((2 * size, size))
    for step in range(-1, 3):
        distance = np.abs(places - (left + step))
        near = (1.25 * distance - 2.25) * distance**2 + 1
        far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0))
        column = np.clip(left + step, 0, size - 1)
        np.add.at(matrix, (np.arange(2 * size), column), weight)
    return matrix.astype(np.float32)


def _block(channels: int, filters: int, seed: int) -> keras.Model:
    windows = keras.Input((None, None, channels))
    x = GlobalBatchNormalization()(windows)
    x = layers.Conv2D(
        filters,
        _KERNEL,
        padding="same",
        activation="relu",
        kernel_initializer=_initializer(seed),
    )(x)
    return keras.Model(windows, x)


def _initializer(seed: int) -> keras.initializers.Initializer:
    # The default of TensorFlow 1's variance scaling.
    return keras.initializers.VarianceScaling(1.0, "fan_in", "truncated_normal", seed=seed)
