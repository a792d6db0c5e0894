"""Maps of the centres of sources, from a map of their pixels."""

from __future__ import annotations

import tensorflow as tf

from zoo import randomness

__all__ = ["centre_map", "centre_terms"]


def centre_map(segmentation: tf.Tensor, light: tf.Tensor, sources: int, width: float) -> tf.Tensor:
    """Returns a map that is 1 at the centre of each source and falls off around it.

        c(p) = min(1, sum_j exp(-|p - c_j|^2 / (2 width^2)))

    c_j is the centroid of the positive light in the pixels of source j.

    Args:
        segmentation: (batch, height, width) integers, number of the source from 1.
        light: Of the same shape, the image in some linear unit, sky subtracted.
        sources: Most sources of an image.
        width: Standard deviation of the peaks, px.

    Returns:
        (batch, height, width) float32.
    """
    shape = tf.shape(segmentation)
    number = tf.cast(segmentation, tf.int32)
    inside = (number > 0) & (number <= sources)
    # A source without light has its geometric centre.
    light = tf.maximum(tf.cast(light, tf.float32), 1e-6)
    rows = tf.range(shape[1], dtype=tf.float32)
    columns = tf.range(shape[2], dtype=tf.float32)
    # Source 0 takes what lies outside, and is left out.
    first = (sources + 1) * tf.range(shape[0])[:, None, None]
    place = tf.reshape(first + tf.where(inside, number, 0), (-1,))
    values = tf.stack([light, light * rows[:, None], light * columns], axis=-1)
    sums = tf.math.unsorted_segment_sum(
        tf.reshape(values, (-1, 3)), place, shape[0] * (sources + 1)
    )
    total, row, column = tf.unstack(tf.reshape(sums, (shape[0], sources + 1, 3))[:, 1:], axis=-1)
    exists = total > 0
    total = tf.where(exists, total, 1.0)

    def profile(centre, places):
        offset = (places - (centre / total)[..., None]) / width
        return tf.exp(-0.5 * tf.square(offset))

    peaks = profile(row, rows) * tf.cast(exists, tf.float32)[..., None]
    return tf.minimum(tf.einsum("njr,njc->nrc", peaks, profile(column, columns)), 1.0)


def centre_terms(target: tf.Tensor, logits: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Returns the binary cross-entropy of maps of centres, (batch,).

    Its mean over the batch, that of all replicas, is the mean over all known pixels.

    Args:
        target: (batch, height, width), 0 to 1.
        logits: Of the same shape.
        known: Of the same shape, 1 for pixels that count and 0 for others.
    """
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(target, tf.cast(logits, tf.float32))
    pixels = randomness.global_rows(tf.reduce_sum(known, axis=(1, 2)))
    mean = tf.maximum(tf.reduce_mean(pixels), 1.0)
    return tf.reduce_sum(entropy * known, axis=(1, 2)) / mean
