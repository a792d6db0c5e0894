"""Maximum mean discrepancy with a sum of Gaussian kernels."""

import tensorflow as tf

__all__ = ["mmd"]


def mmd(
    samples: tf.Tensor,
    others: tf.Tensor,
    kernels: int = 5,
    multiplier: float = 2.0,
    bandwidth: str | float = "mean",
) -> tf.Tensor:
    """Squared maximum mean discrepancy between two samples: a scalar, the biased V-statistic.

        MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y),
        k(a, b) = sum_j exp(-|a - b|^2 / h_j),   h_j = h multiplier^(j - kernels // 2)

    Args:
        samples: (n, latents).
        others: (m, latents).
        kernels: Number of bandwidths, default 5.
        multiplier: Ratio of neighbouring bandwidths, default 2.
        bandwidth: h: "mean" or "median" of the squared distances between different points of
            the pooled sample (no gradient flows through it), or a number.

    Raises:
        ValueError: if `bandwidth` is neither.

    References:
        Gretton et al. 2012 (JMLR 13, 723); Long et al. 2015 (arXiv 1502.02791) for the kernels.
    """
    pooled = tf.concat([samples, others], axis=0)
    squares = tf.reduce_sum(tf.square(pooled), axis=-1)
    distance2 = squares[:, None] + squares[None] - 2 * tf.matmul(pooled, pooled, transpose_b=True)
    distance2 = tf.maximum(distance2, 0.0)
    h = _bandwidth(distance2, bandwidth)
    kernel = tf.add_n(
        [tf.exp(-distance2 / (h * multiplier ** (j - kernels // 2))) for j in range(kernels)]
    )
    n = tf.shape(samples)[0]
    within = tf.reduce_mean(kernel[:n, :n]) + tf.reduce_mean(kernel[n:, n:])
    return within - 2 * tf.reduce_mean(kernel[:n, n:])


def _bandwidth(distance2: tf.Tensor, bandwidth: str | float) -> tf.Tensor:
    if not isinstance(bandwidth, str):
        return tf.constant(float(bandwidth))
    size = tf.shape(distance2)[0]
    pairs = tf.cast(size * (size - 1), tf.float32)
    if bandwidth == "mean":
        # The diagonal is zero.
        h = tf.reduce_sum(distance2) / pairs
    elif bandwidth == "median":
        # The zeros of the diagonal sort first.
        ordered = tf.sort(tf.reshape(distance2, (-1,)))
        h = ordered[size + (size * (size - 1)) // 2]
    else:
        raise ValueError(f"bandwidth must be 'mean', 'median' or a number; got '{bandwidth}'")
    return tf.stop_gradient(tf.maximum(h, 1e-6))
