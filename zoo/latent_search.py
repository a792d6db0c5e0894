"""Search for the latent vectors of images, by gradient descent through a decoder."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

__all__ = ["search"]

_EPSILON = 1e-8


def search(
    start: tf.Tensor,
    misfit: Callable[[tf.Tensor], tf.Tensor],
    steps: int,
    rate: float = 0.1,
    beta_1: float = 0.4,
    beta_2: float = 0.9,
) -> tf.Tensor:
    """Returns the vectors with the smallest misfit that a few steps of Adam find.

    All rows of the batch descend at once, each on its own: no row has a part in the gradient or the
    moments of another. The graph has one loop, however many steps there are.

    Args:
        start: First guesses, (batch, length) float32; the first step looks at them.
        misfit: From vectors to the misfit of each, (batch,).
        steps: Vectors that are looked at for each row, a positive integer.
        rate: Learning rate of Adam. Default 0.1.
        beta_1: Decay rate of its first moment. Default 0.4.
        beta_2: Decay rate of its second moment. Default 0.9.

    Returns:
        (batch, length) float32.

    References:
        Storey-Fisher et al. 2021 (arXiv 2105.02434), section 3.3, whose score is that of the last
        step, be it the smallest or not; Kingma & Ba 2015 (arXiv:1412.6980), Adam.
    """

    def descend(step, z, first, second, best, least):
        with tf.GradientTape() as tape:
            tape.watch(z)
            values = tf.ensure_shape(misfit(z), start.shape[:1])
        gradient = tape.gradient(values, z)
        is_better = (values < least) | (step == 0)
        best = tf.where(is_better[:, None], z, best)
        least = tf.where(is_better, values, least)
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * tf.square(gradient)
        number = tf.cast(step + 1, tf.float32)
        scale = tf.sqrt(1 - tf.pow(beta_2, number)) / (1 - tf.pow(beta_1, number))
        z -= rate * scale * first / (tf.sqrt(second) + _EPSILON)
        return step + 1, z, first, second, best, least

    zeros = tf.zeros_like(start)
    state = (tf.constant(0), start, zeros, zeros, start, tf.zeros_like(start[:, 0]))
    *_, best, _ = tf.while_loop(
        lambda step, *_: step < steps, descend, state, maximum_iterations=steps
    )
    return best
