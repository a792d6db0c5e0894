"""PW: Wasserstein distance of each posterior to the nearest component of the prior."""

import tensorflow as tf

__all__ = ["pointwise_wasserstein"]


def pointwise_wasserstein(
    loc: tf.Tensor, scale: tf.Tensor, prior_loc: tf.Tensor, prior_scale: tf.Tensor
) -> tf.Tensor:
    """Squared 2-Wasserstein distance of normals to the nearest of K normals, (batch,).

        min_k  |mu - mu_k|^2 + |sigma - sigma_k|^2                      (diagonal covariances)
        min_k  |mu - mu_k|^2 + |L|^2 + |L_k|^2 - 2 |L_k^T L|_*          (full, S = L L^T)

    with |.| the Frobenius and |.|_* the nuclear norm: the latter is tr (S_k^1/2 S S_k^1/2)^1/2.

    Sun et al. 2017 (SDSS star-galaxy report) call one of their distances "PW" and do not expand the
    name; this is our reading:
    each posterior by itself (pointwise), in closed form, to the component that is nearest.

    Args:
        loc: Means of the posteriors, (batch, latents).
        scale: Standard deviations of the posteriors, (batch, latents), or lower triangles of
            their covariances, (batch, latents, latents).
        prior_loc: Means of the components, (K, latents).
        prior_scale: Standard deviations of the components, (K, latents), or lower triangles,
            (K, latents, latents).

    References:
        Givens & Shortt 1984 (Michigan Math. J. 31, 231), proposition 7.
    """
    loc, scale, prior_loc, prior_scale = (
        tf.cast(tensor, tf.float32) for tensor in (loc, scale, prior_loc, prior_scale)
    )
    shift = tf.reduce_sum(tf.square(loc[:, None] - prior_loc[None]), axis=-1)
    if scale.shape.rank == 2 and prior_scale.shape.rank == 2:
        spread = tf.reduce_sum(tf.square(scale[:, None] - prior_scale[None]), axis=-1)
    else:
        spread = _spread(_matrix(scale)[:, None], _matrix(prior_scale)[None])
    return tf.reduce_min(shift + spread, axis=-1)


def _matrix(scale: tf.Tensor) -> tf.Tensor:
    return tf.linalg.diag(scale) if scale.shape.rank == 2 else scale


def _spread(lower: tf.Tensor, prior_lower: tf.Tensor) -> tf.Tensor:
    overlap = tf.linalg.matmul(prior_lower, lower, transpose_a=True)
    nuclear = tf.reduce_sum(tf.linalg.svd(overlap, compute_uv=False), axis=-1)
    squares = [tf.reduce_sum(tf.square(tril), axis=(-2, -1)) for tril in (lower, prior_lower)]
    return sum(squares) - 2 * nuclear
