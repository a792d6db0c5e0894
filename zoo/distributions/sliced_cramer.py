"""SC: sliced Cramer distance of the aggregated posterior to the prior."""

import tensorflow as tf

__all__ = ["sliced_cramer"]


def sliced_cramer(
    samples: tf.Tensor, prior_samples: tf.Tensor, projections: int, seed: tf.Tensor
) -> tf.Tensor:
    """Squared Cramer distance between two samples, averaged over random directions: a scalar.

        l_2^2(F, G) = int (F(t) - G(t))^2 dt = E|X - Y| - E|X - X'| / 2 - E|Y - Y'| / 2

    with F, G the empirical distribution functions of the projected samples (the V-statistic).

    Sun et al. 2017 (SDSS star-galaxy report) call one of their distances "SC" and do not expand the
    name; this is our reading.

    Args:
        samples: One sample of the posterior of each image, (batch, latents).
        prior_samples: As many of the prior, (batch, latents).
        projections: Number of directions, uniform on the sphere; one latent needs one.
        seed: Stateless seed of the directions, int32 of shape (2,). XLA draws others from it.

    References:
        Kolouri et al. 2020 (ICLR, sliced Cramer); Bellemare et al. 2017 (arXiv 1705.10743).
    """
    samples, prior_samples = tf.cast(samples, tf.float32), tf.cast(prior_samples, tf.float32)
    directions = tf.random.stateless_normal([samples.shape[-1], projections], seed)
    directions = tf.math.l2_normalize(directions, axis=0)
    x = tf.sort(samples @ directions, axis=0)
    y = tf.sort(prior_samples @ directions, axis=0)
    # Both have n points, so F - G over the merged sample is a running count over n.
    merged = tf.concat([x, y], axis=0)
    sign = tf.concat([tf.ones_like(x), -tf.ones_like(y)], axis=0)
    order = tf.argsort(merged, axis=0)
    points = tf.gather(tf.transpose(merged), tf.transpose(order), batch_dims=1)
    signs = tf.gather(tf.transpose(sign), tf.transpose(order), batch_dims=1)
    number = tf.cast(tf.shape(samples)[0], tf.float32)
    gap = tf.cumsum(signs, axis=-1)[:, :-1] / number
    steps = points[:, 1:] - points[:, :-1]
    return tf.reduce_mean(tf.reduce_sum(tf.square(gap) * steps, axis=-1))
