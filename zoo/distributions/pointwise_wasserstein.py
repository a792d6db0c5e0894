"""PW: Wasserstein distance of each posterior to the nearest component of the prior."""

import tensorflow as tf
import tensorflow_probability as tfp

__all__ = ["pointwise_wasserstein"]

tfd = tfp.distributions


def pointwise_wasserstein(
    loc: tf.Tensor, scale: tf.Tensor, prior_loc: tf.Tensor, prior_scale: tf.Tensor
) -> tf.Tensor:
    """Squared 2-Wasserstein distance of normals to the nearest of K normals, (batch,).

        min_k  |mu - mu_k|^2 + |sigma - sigma_k|^2      (diagonal covariances)

    The seed calls one of its distances "PW" and does not expand the name; this is our reading:
    each posterior by itself (pointwise), in closed form, to the component that is nearest.

    Args:
        loc: Means of the posteriors, (batch, latents).
        scale: Standard deviations of the posteriors, (batch, latents).
        prior_loc: Means of the components, (K, latents).
        prior_scale: Standard deviations of the components, (K, latents).

    References:
        Givens & Shortt 1984 (Michigan Math. J. 31, 231), proposition 7.
    """
    shift = tf.square(loc[:, None] - prior_loc[None])
    spread = tf.square(scale[:, None] - prior_scale[None])
    return tf.reduce_min(tf.reduce_sum(shift + spread, axis=-1), axis=-1)
