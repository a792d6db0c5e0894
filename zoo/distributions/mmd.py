"""Maximum mean discrepancy with kernels of several widths."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["mmd"]


def mmd(
    samples: tf.Tensor,
    others: tf.Tensor,
    kernels: int = 5,
    multiplier: float = 2.0,
    bandwidth: str | float = "mean",
    kernel: str = "rbf",
    unbiased: bool = False,
) -> tf.Tensor:
    """Squared maximum mean discrepancy between two samples: a scalar.

        MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y),
        rbf: k(a, b) = sum_j exp(-|a - b|^2 / h_j)
        imq: k(a, b) = sum_j h_j / (h_j + |a - b|^2),   h_j = h multiplier^(j - kernels // 2)

    Args:
        samples: (n, latents).
        others: (m, latents).
        kernels: Number of bandwidths, default 5.
        multiplier: Ratio of neighbouring bandwidths, default 2.
        bandwidth: h: "mean" (default) or "median" of the squared distances between different
            points of the pooled sample (no gradient flows through it), or a number.
        kernel: "rbf" (default) or the inverse multiquadric "imq", whose wide wings still pull at
            outliers. With the bandwidth "mean" its h is near the 2 d sigma^2 of Tolstikhin+18.
        unbiased: Whether to leave out the pairs of a point with itself (the U-statistic, which can
            be negative) or not (the V-statistic, which cannot). Default False.

    Raises:
        ValueError: if `bandwidth` or `kernel` is none of these.

    References:
        Gretton et al. 2012 (JMLR 13, 723), lemma 6; Long et al. 2015 (arXiv 1502.02791) for the
        sum of kernels; Tolstikhin et al. 2018 (arXiv 1711.01558), section 4, and Zhao, Song &
        Ermon 2019 (InfoVAE, arXiv 1706.02262) for autoencoders.
    """
    if kernel not in ("imq", "rbf"):
        raise ValueError(f"kernel must be 'imq' or 'rbf'; got '{kernel}'")
    n, m = tf.shape(samples)[0], tf.shape(others)[0]
    pooled = tf.concat([tf.cast(samples, tf.float32), tf.cast(others, tf.float32)], axis=0)
    # Distances do not depend on the zero point, but their rounding does.
    pooled -= tf.stop_gradient(tf.reduce_mean(pooled, axis=0))
    squares = tf.reduce_sum(tf.square(pooled), axis=-1)
    distance2 = squares[:, None] + squares[None] - 2 * tf.matmul(pooled, pooled, transpose_b=True)
    distance2 = tf.linalg.set_diag(tf.maximum(distance2, 0.0), tf.zeros_like(squares))
    h = _bandwidth(distance2, bandwidth)
    widths = [h * multiplier ** (j - kernels // 2) for j in range(kernels)]
    if kernel == "rbf":
        values = tf.add_n([tf.exp(-distance2 / width) for width in widths])
    else:
        values = tf.add_n([width / (width + distance2) for width in widths])
    x = _mean_within(values[:n, :n], kernels, unbiased)
    y = _mean_within(values[n:, n:], kernels, unbiased)
    between = tf.reduce_sum(values[:n, n:]) / tf.cast(n * m, tf.float32)
    return x + y - 2 * between


def _mean_within(values: tf.Tensor, kernels: int, unbiased: bool) -> tf.Tensor:
    number = tf.cast(tf.shape(values)[0], tf.float32)
    if not unbiased:
        return tf.reduce_sum(values) / tf.square(number)
    # Each kernel is one on the diagonal.
    return (tf.reduce_sum(values) - kernels * number) / (number * (number - 1))


def _bandwidth(distance2: tf.Tensor, bandwidth: str | float) -> tf.Tensor:
    if not isinstance(bandwidth, str):
        return tf.constant(float(bandwidth))
    size = tf.shape(distance2)[0]
    pairs = size * (size - 1)
    if bandwidth == "mean":
        # The diagonal is zero.
        h = tf.reduce_sum(distance2) / tf.cast(pairs, tf.float32)
    elif bandwidth == "median":
        # The zeros of the diagonal sort first.
        h = tf.sort(tf.reshape(distance2, (-1,)))[size + pairs // 2]
    else:
        raise ValueError(f"bandwidth must be 'mean', 'median' or a number; got '{bandwidth}'")
    return tf.stop_gradient(tf.maximum(h, 1e-6))
