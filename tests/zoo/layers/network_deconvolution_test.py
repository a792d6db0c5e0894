"""`NetworkDeconvolution`: statistics of patches and the convolution of decorrelated pixels."""

import numpy as np
import scipy.linalg
import tensorflow as tf

from tests.replicas import two_replicas
from zoo.layers.network_deconvolution import NetworkDeconvolution, inverse_square_root


def correlated(number, side=9, channels=2, seed=0):
    """Returns smooth images with copies of one channel in the others."""
    noise = np.random.default_rng(seed).normal(size=(number, side + 2, side + 2, 1))
    smooth = sum(noise[:, i : i + side, j : j + side] for i in range(3) for j in range(3)) / 3
    own = np.random.default_rng(seed + 1).normal(size=(number, side, side, channels))
    return (3 + smooth + 0.5 * own).astype(np.float32)


def patches(images, size=3, step=1):
    """Returns all patches as rows of (row, column, channel)."""
    _, height, width, _ = images.shape
    rows = [
        images[:, i : i + size, j : j + size].reshape(len(images), -1)
        for i in range(0, height - size + 1, step)
        for j in range(0, width - size + 1, step)
    ]
    return np.concatenate(rows)


class NetworkDeconvolutionTest(tf.test.TestCase):
    def test_inverse_square_root(self):
        draws = np.random.default_rng(0).normal(size=(8, 5))
        matrix = draws.T @ draws / 8 + 0.5 * np.eye(5)
        expected = scipy.linalg.inv(scipy.linalg.sqrtm(matrix))
        root = inverse_square_root(tf.constant(matrix, tf.float32), 12)
        self.assertAllClose(root, expected, rtol=1e-4, atol=1e-4)

    def test_training_reads_decorrelated_patches(self):
        images = correlated(64)
        layer = NetworkDeconvolution(4, sampling=1, iterations=15, momentum=0.0)
        y = layer(images, training=True).numpy()[:, 1:-1, 1:-1]
        rows = patches(images).astype(float)
        mean, covariance = rows.mean(axis=0), np.cov(rows.T, bias=True) + 1e-5 * np.eye(18)
        root = scipy.linalg.inv(scipy.linalg.sqrtm(covariance)).real
        kernel = layer.kernel.numpy().reshape(18, 4)
        expected = (rows - mean) @ root @ kernel
        own = np.concatenate([y[:, i, j] for i in range(7) for j in range(7)])
        self.assertAllClose(own, expected, rtol=1e-2, atol=2e-2)
        # In use as at the end of training.
        self.assertAllClose(layer(images)[:, 1:-1, 1:-1], y, rtol=1e-4, atol=1e-4)

    def test_groups_of_channels_share_their_statistics(self):
        images = correlated(32, channels=4)
        layer = NetworkDeconvolution(3, group=2, sampling=1, iterations=15, momentum=0.0)
        y = layer(images, training=True).numpy()[:, 1:-1, 1:-1]
        halves = [patches(images[..., first : first + 2]).astype(float) for first in (0, 2)]
        both = np.concatenate(halves)
        covariance = np.cov(both.T, bias=True) + 1e-5 * np.eye(18)
        root = scipy.linalg.inv(scipy.linalg.sqrtm(covariance)).real
        kernel = layer.kernel.numpy()
        expected = sum(
            (half - both.mean(axis=0)) @ root @ kernel[:, :, 2 * n : 2 * n + 2].reshape(18, 3)
            for n, half in enumerate(halves)
        )
        own = np.concatenate([y[:, i, j] for i in range(7) for j in range(7)])
        self.assertAllClose(own, expected, rtol=1e-2, atol=2e-2)

    def test_two_replicas_have_the_statistics_of_the_global_batch(self):
        images = correlated(8)
        alone = NetworkDeconvolution(3, kernel_initializer="ones")
        expected = alone(images, training=True)
        strategy = two_replicas()
        with strategy.scope():
            layer = NetworkDeconvolution(3, kernel_initializer="ones")
            layer.build(images.shape)

        shares = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(images)[4 * context.replica_id_in_sync_group :][:4]
        )
        outputs = strategy.run(lambda share: layer(share, training=True), (shares,))
        together = np.concatenate(strategy.experimental_local_results(outputs))
        self.assertAllClose(together, expected, rtol=1e-3, atol=1e-3)
        self.assertAllClose(layer.moving_root, alone.moving_root, rtol=1e-3, atol=1e-3)

    def test_constructor(self):
        with self.assertRaisesRegex(ValueError, "strides must be at least 1; got 0"):
            NetworkDeconvolution(4, strides=0)


if __name__ == "__main__":
    tf.test.main()
