"""Losses of a generative adversarial network with the Wasserstein distance."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from zoo import randomness

__all__ = ["diversity", "slopes"]

# Under roots, so that their gradients stay finite at zero.
_LEAST = 1e-12


def slopes(
    critic: Callable[[tf.Tensor], tf.Tensor],
    real: tf.Tensor,
    drawn: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Returns the norm of the critic's gradient between real and drawn images, (batch,) float32.

        x = r + u (g - r),  u uniform on [0, 1) for each pair;      |d critic(x) / d x|

    A critic whose slopes are one everywhere measures the Wasserstein distance; the penalty is
    (slope - 1)^2.

    Args:
        critic: From images to numbers, (batch,).
        real: Images, (batch, height, width, bands) float32.
        drawn: As many drawn ones.
        seed: Stateless seed, int32 of shape (2,).

    References:
        Gulrajani et al. 2017 (arXiv:1704.00028), algorithm 1.
    """
    share = randomness.uniform(tf.shape(real)[0], (1, 1, 1), seed)
    between = real + share * (drawn - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        numbers = critic(between)
    gradient = tape.gradient(numbers, between)
    return tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3)) + _LEAST)


def diversity(drawn: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """Returns the scatter of drawn images in units of that of real ones, a scalar.

        sqrt(sum_p var(drawn_p) / sum_p var(real_p)),    variances over the batch of all replicas

    Zero: all drawn images are the same, as after a collapse of the generator.

    Args:
        drawn: (batch, height, width, bands).
        real: (batch, height, width, bands).
    """
    variances = [
        tf.reduce_sum(tf.math.reduce_variance(randomness.global_rows(images), axis=0))
        for images in (drawn, real)
    ]
    return tf.sqrt(variances[0] / tf.maximum(variances[1], _LEAST))
