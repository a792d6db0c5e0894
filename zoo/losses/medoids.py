"""Silhouette of two clusters of codes, computed in the graph."""

from __future__ import annotations

import tensorflow as tf

__all__ = ["two_medoids_silhouette"]

# The pairs of medoids and the distances to them are (rows, rows, rows).
_MOST_ROWS = 64


def two_medoids_silhouette(codes: tf.Tensor) -> tf.Tensor:
    """Returns the mean silhouette of the best two medoids of code vectors, in [-1, 1].

        d(x, y) = share of positions in which x and y differ            (Hamming)
        (i, j) = argmin sum_n min(d(x_n, x_i), d(x_n, x_j))
        silhouette = mean_n (b_n - a_n) / max(a_n, b_n)

    a is the mean distance to the others of the same cluster, b to the other cluster. All pairs of
    medoids are tried, so that the optimum is exact. It is 0 where all rows are alike, and for a
    cluster of one. There is no gradient.

    Args:
        codes: (number, positions) integers; of more than 64 rows the first 64 are used.

    References:
        Rousseeuw 1987 (J. Comput. Appl. Math. 20, 53); Kaufman & Rousseeuw 1987, k-medoids.
    """
    codes = codes[:_MOST_ROWS]
    differ = tf.cast(codes[:, None] != codes[None], tf.float32)
    distance = tf.reduce_mean(differ, axis=-1)
    number = tf.shape(distance)[0]
    cost = tf.reduce_sum(tf.minimum(distance[:, :, None], distance[:, None, :]), axis=0)
    best = tf.argmin(tf.reshape(cost, (-1,)), output_type=tf.int32)
    first, second = best // number, best % number
    in_second = tf.gather(distance, second) < tf.gather(distance, first)
    members = tf.one_hot(tf.cast(in_second, tf.int32), 2)
    sizes = tf.reduce_sum(members, axis=0)
    totals = tf.matmul(distance, members)
    own = tf.reduce_sum(members * totals, axis=1)
    own_size = tf.reduce_sum(members * sizes, axis=1)
    other = tf.math.divide_no_nan(
        tf.reduce_sum((1 - members) * totals, axis=1),
        tf.reduce_sum((1 - members) * sizes, axis=1),
    )
    own = tf.math.divide_no_nan(own, own_size - 1)
    silhouette = tf.math.divide_no_nan(other - own, tf.maximum(own, other))
    two = tf.reduce_min(sizes) > 0
    counted = tf.logical_and(two, own_size > 1)
    return tf.stop_gradient(tf.reduce_mean(tf.where(counted, silhouette, 0.0)))
