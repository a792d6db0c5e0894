"""AW: Wasserstein distance of the aggregated posterior to the prior, latent by latent."""

import tensorflow as tf

__all__ = ["aggregated_wasserstein"]


def aggregated_wasserstein(samples: tf.Tensor, prior_samples: tf.Tensor) -> tf.Tensor:
    """Squared 2-Wasserstein distance between two samples along each axis, summed: a scalar.

        W_2^2 = mean_i (x_(i) - y_(i))^2,   x_(i), y_(i) the sorted samples

    Sun et al. 2017 (SDSS star-galaxy report) call one of their distances "AW" and do not expand the
    name; this is our reading:
    the distance of the aggregated posterior, that of the whole batch, to the prior. Two samples
    of the same distribution are at a distance that vanishes only as the batch grows.

    Args:
        samples: One sample of the posterior of each image, (batch, latents).
        prior_samples: As many of the prior, (batch, latents).

    References:
        Villani 2009, "Optimal transport", section 2.2, for the one-dimensional case; Tolstikhin
        et al. 2018 (arXiv 1711.01558) for aggregated posteriors.
    """
    samples, prior_samples = tf.cast(samples, tf.float32), tf.cast(prior_samples, tf.float32)
    difference = tf.sort(samples, axis=0) - tf.sort(prior_samples, axis=0)
    return tf.reduce_sum(tf.reduce_mean(tf.square(difference), axis=0))
