"""CORAL: distance between the covariances of two samples."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["coral"]


def coral(samples: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Distance between the second moments of two samples: a scalar.

        |C_x - C_y|_F^2 / (4 d^2),   C = sum_i (x_i - <x>)(x_i - <x>)^T / (n - 1)

    It does not see the means: samples that are shifted alone are at no distance.

    Args:
        samples: (n, d), at least two.
        others: (m, d), at least two.

    References:
        Sun & Saenko 2016, "Deep CORAL" (arXiv 1607.01719), equations 1 to 3.
    """
    difference = _covariance(samples) - _covariance(others)
    dimension = tf.cast(tf.shape(samples)[-1], tf.float32)
    return tf.reduce_sum(tf.square(difference)) / (4 * tf.square(dimension))


def _covariance(samples: tf.Tensor) -> tf.Tensor:
    samples = tf.cast(samples, tf.float32)
    # Taken from the values, not from their squares: exact far from zero too.
    centred = samples - tf.reduce_mean(samples, axis=0)
    number = tf.cast(tf.shape(samples)[0], tf.float32)
    return tf.matmul(centred, centred, transpose_a=True) / (number - 1)
