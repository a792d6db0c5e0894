"""The identity, through which gradients come back with the opposite sign."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["reverse_gradient"]


def reverse_gradient(x: tf.Tensor, factor: tf.Tensor | float = 1.0) -> tf.Tensor:
    """Returns x; its gradient is multiplied by -factor.

    What is behind it is trained to lower the loss, what is before it to raise it.

    Args:
        x: Any tensor of floats.
        factor: Scalar, default 1; no gradient flows to it.

    References:
        Ganin et al. 2016 (JMLR 17, 59), section 4.2.
    """
    factor = tf.cast(factor, x.dtype)

    @tf.custom_gradient
    def reversed_identity(value):
        return tf.identity(value), lambda gradient: -factor * gradient

    return reversed_identity(x)
