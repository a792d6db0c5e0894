"""Convolutions of decorrelated pixels in place of batch normalisation."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from zoo import randomness
from zoo.layer import ZooLayer

__all__ = ["NetworkDeconvolution", "inverse_square_root"]


@keras.saving.register_keras_serializable(package="zoo")
class NetworkDeconvolution(ZooLayer):
    """A convolution whose input has neither means nor correlations, over pixels and channels.

        y = W C^(-1/2) (p - m) + b

    p is a patch under the kernel, m and C its mean and covariance over the patches of the global
    batch, in use over those of training (moving averages). Neighbouring pixels of an image, and its
    bands, are nearly copies of each other; here the layer reads their differences.

    The channels are divided into groups of `group` that share m and C.

    Args:
        filters: Channels of the output.
        kernel_size: Pixels on a side of the kernel. Default 3.
        strides: Step of the kernel. Default 1.
        group: Channels in a group; the largest divisor of the channels that divides it counts.
            Default 64.
        sampling: Step between the patches that C is measured on. Default 3.
        iterations: Of Newton and Schulz, see `inverse_square_root`. Default 5.
        momentum: Share of the old statistics at each step. Default 0.9.
        epsilon: Added to the variances. Default 1e-5.
        kernel_initializer: Initialiser of W.

    References:
        Ye et al. 2020 (ICLR, arXiv 1905.11926), algorithm 1 and section 3.3.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        group: int = 64,
        sampling: int = 3,
        iterations: int = 5,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        kernel_initializer: Any = "he_normal",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for name, value in (
            ("filters", filters),
            ("kernel_size", kernel_size),
            ("strides", strides),
            ("group", group),
            ("sampling", sampling),
            ("iterations", iterations),
        ):
            if value < 1:
                raise ValueError(f"{name} must be at least 1; got {value}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.group = group
        self.sampling = sampling
        self.iterations = iterations
        self.momentum = momentum
        self.epsilon = epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1]
        self._group = math.gcd(channels, self.group)
        length = self.kernel_size**2 * self._group
        shape = (self.kernel_size, self.kernel_size, channels, self.filters)
        self.kernel = self.add_weight(
            name="kernel", shape=shape, initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.moving_mean, self.moving_root = (
            self.add_weight(
                name=name,
                shape=shape,
                initializer=initial,
                trainable=False,
                dtype="float32",
                aggregation="only_first_replica",
            )
            for name, shape, initial in (
                ("moving_mean", (length,), "zeros"),
                ("moving_root", (length, length), "identity"),
            )
        )
        self.built = True

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns (batch, height / strides, width / strides, filters).

        Args:
            images: (batch, height, width, channels).
            training: Whether the statistics are those of the batch.
        """
        mean, root = self.moving_mean.value, self.moving_root.value
        if training:
            mean, root = self._statistics(tf.cast(images, tf.float32))
            for moving, new in ((self.moving_mean, mean), (self.moving_root, root)):
                moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        size, groups = self.kernel_size, images.shape[-1] // self._group
        # Each group of the kernel as rows of (pixel, channel), the order of the patches.
        kernel = tf.cast(self.kernel, tf.float32)
        kernel = tf.reshape(kernel, (size * size, groups, self._group, self.filters))
        kernel = tf.reshape(tf.transpose(kernel, (1, 0, 2, 3)), (groups, -1, self.filters))
        kernel = tf.einsum("ij,gjf->gif", root, kernel)
        bias = tf.cast(self.bias, tf.float32) - tf.einsum("i,gif->f", mean, kernel)
        kernel = tf.reshape(kernel, (groups, size * size, self._group, self.filters))
        kernel = tf.reshape(tf.transpose(kernel, (1, 0, 2, 3)), self.kernel.shape)
        y = tf.nn.conv2d(images, tf.cast(kernel, images.dtype), self.strides, "SAME")
        return y + tf.cast(bias, images.dtype)

    def _statistics(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the mean of the patches, (length,), and C^(-1/2), (length, length)."""
        size, channels = self.kernel_size, images.shape[-1]
        patches = tf.image.extract_patches(
            images, (1, size, size, 1), (1, self.sampling, self.sampling, 1), (1, 1, 1, 1), "VALID"
        )
        groups = channels // self._group
        patches = tf.reshape(patches, (-1, size * size, groups, self._group))
        patches = tf.reshape(tf.transpose(patches, (0, 2, 1, 3)), (-1, size * size * self._group))
        mean = randomness.global_mean(tf.reduce_mean(patches, axis=0))
        patches -= mean
        number = tf.cast(tf.shape(patches)[0], tf.float32)
        covariance = randomness.global_mean(tf.matmul(patches, patches, transpose_a=True) / number)
        covariance += self.epsilon * tf.eye(size * size * self._group)
        return mean, inverse_square_root(covariance, self.iterations)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        sides = [side and math.ceil(side / self.strides) for side in input_shape[1:3]]
        return (input_shape[0], *sides, self.filters)


def inverse_square_root(matrix: tf.Tensor, iterations: int) -> tf.Tensor:
    """Returns the inverse square root of a symmetric, positive definite matrix, approximately.

    The coupled iterations of Newton and Schulz multiply matrices alone. Eigenvalues far below the
    norm of the matrix need many of them; with few, these directions are amplified less.

    Args:
        matrix: (n, n) float32.
        iterations: Number of iterations.
    """
    norm = tf.norm(matrix)
    identity = tf.eye(matrix.shape[-1])
    y, z = matrix / norm, identity
    for _ in range(iterations):
        step = 0.5 * (3.0 * identity - tf.matmul(z, y))
        y, z = tf.matmul(y, step), tf.matmul(step, z)
    return z / tf.sqrt(norm)
