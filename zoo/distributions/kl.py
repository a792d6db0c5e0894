"""Kullback-Leibler divergences of a posterior from its prior."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.distributions.prior import MixturePrior

__all__ = ["kl_monte_carlo", "kl_normal"]

tfd = tfp.distributions


def kl_normal(posterior: tfd.MultivariateNormalLinearOperator) -> tf.Tensor:
    """KL(N(mu, S S^T) || N(0, I)) in nats, (batch,).

        (tr(S S^T) + mu^T mu - d) / 2 - log|det S|

    Args:
        posterior: Batch of multivariate normals, diagonal or full.

    References:
        Kingma & Welling 2014, appendix B.
    """
    loc, scale = posterior.mean(), posterior.scale
    if isinstance(posterior, tfd.MultivariateNormalDiag):
        trace = tf.reduce_sum(tf.square(scale.diag_part()), axis=-1)
    else:
        trace = tf.reduce_sum(tf.square(scale.to_dense()), axis=(-2, -1))
    quadratic = tf.reduce_sum(tf.square(loc) - 1.0, axis=-1)
    return 0.5 * (trace + quadratic) - scale.log_abs_determinant()


def kl_monte_carlo(
    posterior: tfd.Distribution, prior: MixturePrior, samples: tf.Tensor
) -> tf.Tensor:
    """Monte-Carlo estimate of KL(q || p) = E_q[log q(z) - log p(z)] in nats, (batch,).

    "DKL" in Sun et al. 2017 (SDSS star-galaxy report). Unbiased; a single estimate can be negative.

    Args:
        posterior: q, a batch of distributions over (batch, latent_dim).
        prior: p.
        samples: Of q: (batch, latent_dim), or (number, batch, latent_dim) to average over.
    """
    samples = tf.cast(samples, tf.float32)
    value = posterior.log_prob(samples) - prior.log_prob(samples)
    return value if samples.shape.rank == 2 else tf.reduce_mean(value, axis=0)
