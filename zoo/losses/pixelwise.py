"""Losses that compare pixel with pixel."""

import tensorflow as tf

from zoo.losses.reduction import per_image

__all__ = ["huber", "l1", "mse"]


def mse(target: tf.Tensor, prediction: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Squared difference, (batch,).

    Args:
        target: (batch, height, width, bands).
        prediction: Of the same shape.
        reduction: "mean" or "sum" over pixels and bands.
    """
    return per_image(tf.square(_difference(target, prediction)), reduction)


def l1(target: tf.Tensor, prediction: tf.Tensor, reduction: str = "mean") -> tf.Tensor:
    """Absolute difference, (batch,); arguments as of `mse`."""
    return per_image(tf.abs(_difference(target, prediction)), reduction)


def huber(
    target: tf.Tensor, prediction: tf.Tensor, delta: float = 1.0, reduction: str = "mean"
) -> tf.Tensor:
    """d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond (Huber 1964); (batch,).

    Args:
        delta: Where the parabola turns into a line, in the units of the images.
        target, prediction, reduction: As of `mse`.
    """
    if delta <= 0:
        raise ValueError(f"delta must be positive; got {delta}")
    distance = tf.abs(_difference(target, prediction))
    inside = tf.minimum(distance, delta)
    return per_image(inside * (distance - 0.5 * inside), reduction)


def _difference(target: tf.Tensor, prediction: tf.Tensor) -> tf.Tensor:
    return tf.cast(target, tf.float32) - tf.cast(prediction, tf.float32)
