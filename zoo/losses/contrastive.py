"""Losses and measures of representations of two views of each image or object.

The images of a batch are those of all replicas; each function returns the values of a replica's own
images, whose mean over the replicas is the mean over the batch.
"""

from __future__ import annotations

import tensorflow as tf

from zoo import randomness

__all__ = [
    "alignment",
    "info_nce",
    "negative_cosine",
    "nt_xent",
    "spread",
    "symmetric_info_nce",
    "uniformity",
]

# Logit of what is left out of a softmax.
_NEVER = -1e9


def nt_xent(first: tf.Tensor, second: tf.Tensor, temperature: float) -> tf.Tensor:
    """Returns the cross-entropy of a view with the other view of its image, in 2 batch - 1 others.

        l(i, j) = -log exp(z_i . z_j / T) / sum_{k != i} exp(z_i . z_k / T)
        loss    = (l(first, second) + l(second, first)) / 2

    Args:
        first: Unit vectors of one view of each image, (batch, length).
        second: Those of the other view.
        temperature: T.

    Returns:
        (batch,) float32.

    References:
        Chen et al. 2020 (arXiv:2002.05709), equation 1.
    """
    firsts, seconds = randomness.global_rows(first), randomness.global_rows(second)
    own = _own_positions(tf.shape(first)[0])
    mask = _NEVER * tf.one_hot(own, tf.shape(firsts)[0])

    def term(view: tf.Tensor, same_views: tf.Tensor, other_views: tf.Tensor) -> tf.Tensor:
        same = tf.matmul(view, same_views, transpose_b=True) / temperature + mask
        other = tf.matmul(view, other_views, transpose_b=True) / temperature
        return tf.nn.sparse_softmax_cross_entropy_with_logits(own, tf.concat([other, same], 1))

    return 0.5 * (term(first, firsts, seconds) + term(second, seconds, firsts))


def info_nce(query: tf.Tensor, key: tf.Tensor, others: tf.Tensor, temperature: float) -> tf.Tensor:
    """Returns the cross-entropy of a query with its key, among the keys of other images.

        loss = -log exp(q . k / T) / (exp(q . k / T) + sum_n exp(q . n / T))

    Args:
        query: Unit vectors q, (batch, length).
        key: Unit vectors k of another view of the same images.
        others: Unit vectors n of other images, (number, length).
        temperature: T.

    Returns:
        (batch,) float32.

    References:
        He et al. 2020 (arXiv:1911.05722), equation 1.
    """
    same = tf.reduce_sum(query * key, axis=-1, keepdims=True)
    logits = tf.concat([same, tf.matmul(query, others, transpose_b=True)], axis=-1) / temperature
    return -tf.nn.log_softmax(logits)[:, 0]


def symmetric_info_nce(
    first: tf.Tensor, second: tf.Tensor, temperature: float | tf.Tensor
) -> tf.Tensor:
    """Returns the cross-entropy of each view with the other view of its object, both ways.

        l(x, y) = -log exp(x_i . y_i / T) / sum_k exp(x_i . y_k / T)
        loss    = (l(first, second) + l(second, first)) / 2

    Unlike in `nt_xent`, the views are of two kinds, and those of one kind are not compared.

    Args:
        first: Unit vectors of one view of each object, (batch, length).
        second: Those of the other view.
        temperature: T.

    Returns:
        (batch,) float32; the log of the batch for vectors at random.

    References:
        Radford et al. 2021 (CLIP, arXiv:2103.00020), figure 3.
    """
    own = _own_positions(tf.shape(first)[0])

    def term(view: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        logits = tf.matmul(view, randomness.global_rows(others), transpose_b=True) / temperature
        return tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits)

    return 0.5 * (term(first, second) + term(second, first))


def negative_cosine(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns the squared distance 2 - 2 p . t of unit vectors, (batch,).

    References:
        Grill et al. 2020 (arXiv:2006.07733), equation 2.
    """
    return 2.0 - 2.0 * tf.reduce_sum(prediction * target, axis=-1)


def alignment(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Returns the squared distance of the two views of each image on the sphere, (batch,).

    0 is perfect invariance under the changes of view; 2 is the mean of random directions.

    References:
        Wang & Isola 2020 (arXiv:2005.10242), section 4.1.1, alpha 2.
    """
    return tf.reduce_sum(tf.square(first - second), axis=-1)


def uniformity(vectors: tf.Tensor) -> tf.Tensor:
    """Returns log <exp(-2 |x - y|^2)> over pairs of different images: a number, at most 0.

    -4 is that of random directions in many dimensions, 0 is that of a single point.

    Args:
        vectors: Unit vectors, (batch, length).

    References:
        Wang & Isola 2020 (arXiv:2005.10242), section 4.1.2, t 2.
    """
    everyone = randomness.global_rows(vectors)
    number = tf.cast(tf.shape(everyone)[0], tf.float32)
    square = 2.0 - 2.0 * tf.matmul(everyone, everyone, transpose_b=True)
    total = tf.reduce_sum(tf.exp(-2.0 * tf.maximum(square, 0.0)))
    itself = tf.reduce_sum(tf.exp(-2.0 * tf.maximum(tf.linalg.diag_part(square), 0.0)))
    pairs = number * (number - 1.0)
    # A last batch of one image has no pairs.
    return tf.math.log((total - itself + 1e-12) / tf.maximum(pairs, 1.0))


def spread(vectors: tf.Tensor) -> tf.Tensor:
    """Returns the standard deviation of unit vectors over the batch: a number in [0, 1].

    sqrt(1 - |m|^2) with the mean vector m: 1 if they point everywhere, 0 if all are one vector.

    Args:
        vectors: Unit vectors, (batch, length).

    References:
        Chen & He 2021 (arXiv:2011.10566), section 4.1, times the root of the length.
    """
    everyone = randomness.global_rows(vectors)
    mean = tf.reduce_mean(everyone, axis=0)
    return tf.sqrt(tf.reduce_mean(tf.reduce_sum(tf.square(everyone - mean), axis=-1)))


def _own_positions(batch: tf.Tensor) -> tf.Tensor:
    """Returns the places of this replica's images in the global batch."""
    if randomness.replica_count() == 1:
        return tf.range(batch)
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group * batch + tf.range(batch)
