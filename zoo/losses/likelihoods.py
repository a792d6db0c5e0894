"""Negative log-likelihoods of images, by TFP where it has the density."""

import math

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.losses.reduction import per_image

__all__ = ["bernoulli", "gaussian", "inverse_variance", "student_t"]

tfd = tfp.distributions


def gaussian(
    target: tf.Tensor,
    loc: tf.Tensor,
    scale: float | tf.Tensor = 1.0,
    reduction: str = "sum",
) -> tf.Tensor:
    """-log N(target; loc, scale^2), (batch,).

    Args:
        target: (batch, height, width, bands).
        loc: Of the same shape.
        scale: Standard deviation: a number, one per band, or one per pixel.
        reduction: "sum" (nats per image) or "mean" over pixels and bands.
    """
    return _negative_log(tfd.Normal(*_floats(loc, scale)), target, reduction)


def student_t(
    target: tf.Tensor,
    loc: tf.Tensor,
    scale: float | tf.Tensor = 1.0,
    degrees_of_freedom: float = 4.0,
    reduction: str = "sum",
) -> tf.Tensor:
    """-log of Student's t, (batch,): for pixels with neighbours, cosmic rays and bad columns.

    Args:
        scale: A number, one per band, or one per pixel; not the standard deviation.
        degrees_of_freedom: Default 4.
        target, loc, reduction: As of `gaussian`.
    """
    density = tfd.StudentT(degrees_of_freedom, *_floats(loc, scale))
    return _negative_log(density, target, reduction)


def inverse_variance(
    target: tf.Tensor, loc: tf.Tensor, weight: tf.Tensor, reduction: str = "sum"
) -> tf.Tensor:
    """-log N(target; loc, 1 / weight) over the pixels with a positive weight, (batch,).

    Args:
        weight: Inverse variance per pixel, as survey weight maps give it; zero masks the pixel.
        target, loc, reduction: As of `gaussian`; the mean is over masked pixels too.
    """
    target, loc, weight = (tf.cast(tensor, tf.float32) for tensor in (target, loc, weight))
    good = weight > 0
    log_norm = tf.math.log(2 * math.pi / tf.where(good, weight, 1.0))
    # The value under a mask may be anything, NaN included.
    residual = tf.where(good, target, loc) - loc
    nll = 0.5 * (weight * tf.square(residual) + log_norm)
    return per_image(tf.where(good, nll, 0.0), reduction)


def bernoulli(target: tf.Tensor, logits: tf.Tensor, reduction: str = "sum") -> tf.Tensor:
    """Cross-entropy of pixels in [0, 1] with the sigmoid of `logits`, (batch,)."""
    values = tf.nn.sigmoid_cross_entropy_with_logits(*_floats(target, logits))
    return per_image(values, reduction)


def _floats(*tensors: float | tf.Tensor) -> list[tf.Tensor]:
    return [tf.cast(tensor, tf.float32) for tensor in tensors]


def _negative_log(density: tfd.Distribution, target: tf.Tensor, reduction: str) -> tf.Tensor:
    return per_image(-density.log_prob(tf.cast(target, tf.float32)), reduction)
