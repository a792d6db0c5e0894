"""Loss of the fluxes of images, the sums over their pixels."""

import tensorflow as tf

__all__ = ["flux_error"]


def flux_error(
    target: tf.Tensor, drawn: tf.Tensor, softening: float | tf.Tensor, error: float
) -> tf.Tensor:
    """Sum over the bands of sqrt(1 + u^2) - 1, (batch,).

        u = (asinh(F / 2 f) - asinh(F_drawn / 2 f)) / error

    u is the difference of asinh magnitudes: for fluxes F far above the softening f the relative
    error of the flux, in units of `error`; below it the difference in units of f. The loss is half
    the square of a small u and grows linearly beyond, so that a few wrong fluxes do not rule.

    Args:
        target: (batch, height, width, bands).
        drawn: Of the same shape.
        softening: f, a number or (batch, bands), in the units of the fluxes.
        error: Relative error that counts as one sigma.

    References:
        Lupton, Gunn & Szalay 1999 (AJ 118, 1406); Charbonnier et al. 1997 (IEEE Trans. Image
        Process. 6, 298) for the loss.
    """
    true, own = (
        tf.asinh(tf.reduce_sum(tf.cast(each, tf.float32), axis=(1, 2)) / (2.0 * softening))
        for each in (target, drawn)
    )
    u = (true - own) / error
    return tf.reduce_sum(tf.sqrt(1.0 + tf.square(u)) - 1.0, axis=-1)
