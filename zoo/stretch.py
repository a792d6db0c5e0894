"""asinh and sinh of whole batches of images, several times faster on a CPU than TensorFlow's.

TensorFlow evaluates these two pixel by pixel; exponential and logarithm are vectorised there.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["asinh", "sinh"]


def asinh(x: tf.Tensor) -> tf.Tensor:
    """Returns asinh(x) = sgn(x) log(a + sqrt(a^2 + 1)), a = |x|.

    The error is a few units in the last place of float32, and 2e-7 near zero; `x` must be below
    1e19.

    Args:
        x: float32 of any shape.
    """
    negative = x < 0
    # Not `abs` and `sign`: their gradients at zero would make that of asinh vanish there.
    a = tf.where(negative, -x, x)
    y = tf.math.log(a + tf.sqrt(a * a + 1.0))
    return tf.where(negative, -y, y)


def sinh(y: tf.Tensor, limit: float) -> tf.Tensor:
    """Returns sinh(y) = (e^y - e^-y) / 2 of y cut off at -limit and limit, where it turns flat.

    The error is a few units in the last place of float32, and 1e-7 near zero.

    Args:
        y: float32 of any shape.
        limit: Positive number, at most 88.
    """

    @tf.custom_gradient
    def evaluate(y: tf.Tensor):
        growing = tf.exp(tf.clip_by_value(y, -limit, limit))
        falling = 1.0 / growing

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            slope = 0.5 * (growing + falling)
            return tf.where(tf.abs(y) <= limit, upstream * slope, 0.0)

        return 0.5 * (growing - falling), gradient

    return evaluate(y)
