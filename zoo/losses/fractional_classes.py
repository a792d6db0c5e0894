"""Loss of pixels whose class is known in fractions, as shares of votes."""

from __future__ import annotations

import tensorflow as tf

from zoo import randomness

__all__ = ["fractional_class_terms", "fractional_labels"]


def fractional_labels(segmentation: tf.Tensor, votes: tf.Tensor) -> tf.Tensor:
    """Returns the share of each class in each pixel, the background last.

    Args:
        segmentation: (batch, height, width) integers: number of the source from 1, else no source.
        votes: (batch, sources, classes without background), the shares of source 1, 2, ...

    Returns:
        (batch, height, width, classes) float32: the votes of the pixel's source, or 1 for the
        background.
    """
    number = tf.cast(segmentation, tf.int32)
    inside = tf.cast(number > 0, tf.float32)[..., None]
    shares = tf.gather(tf.cast(votes, tf.float32), tf.maximum(number - 1, 0), batch_dims=1)
    return tf.concat([shares * inside, 1.0 - inside], axis=-1)


def fractional_class_terms(
    labels: tf.Tensor,
    logits: tf.Tensor,
    known: tf.Tensor,
    balance: float = 1.0,
    dice: float = 1.0,
) -> dict[str, tf.Tensor]:
    """Returns weighted cross-entropy and background Dice of the known pixels.

        loss     = mean over pixels of w_d(p) H(t(p), softmax z(p)) + dice (1 - D)
        w_d      = (mean over pixels of [dominant class of t = d] max t)^-balance
        D        = 2 sum t_B s / sum (t_B + s),    s = sigmoid(z_B), sums over an image

    H is the cross-entropy with the shares t, and B the last class, the background. Means are over
    the known pixels of the whole batch, that of all replicas. With `balance` 1 all classes count
    alike, however few pixels they have; with 0 all pixels do. A class that is dominant nowhere has
    no weight.

    Args:
        labels: t, (batch, height, width, classes), which sum to 1.
        logits: z, of the same shape.
        known: (batch, height, width), 1 for pixels that count and 0 for others.
        balance: Power of the weights of the classes, default 1.
        dice: Weight of the Dice of the background, default 1.

    Returns:
        `loss`, `cross_entropy` (weighted), `dice` and `accuracy` of the dominant class, (batch,)
        each, whose means over the batch are those of the formula.

    References:
        Hausen & Robertson 2020 (arXiv 1906.11248), section 3.3: both weights 1.
    """
    labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
    known = tf.cast(known, tf.float32)
    classes = logits.shape[-1]
    dominant = tf.argmax(labels, axis=-1, output_type=tf.int32)
    members = tf.one_hot(dominant, classes) * known[..., None]
    strength = tf.reduce_max(labels, axis=-1, keepdims=True)
    sums = tf.concat([members * strength, known[..., None]], axis=-1)
    sums = randomness.global_rows(tf.reduce_sum(sums, axis=(1, 2)))
    total = tf.reduce_sum(sums, axis=0)
    pixels = tf.maximum(total[-1], 1.0)
    means = total[:-1] / pixels
    present = means > 0
    weights = tf.where(present, tf.pow(tf.where(present, means, 1.0), -balance), 0.0)
    # As many times the sum of an image that the mean over images is the mean over pixels.
    share = tf.cast(tf.shape(sums)[0], tf.float32) / pixels

    entropy = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    weighted = entropy * tf.reduce_sum(members * weights, axis=-1)
    cross_entropy = share * tf.reduce_sum(weighted, axis=(1, 2))
    hit = tf.cast(tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), dominant), tf.float32)
    overlap = _background_dice(labels[..., -1], logits[..., -1], known)
    return {
        "loss": cross_entropy + dice * (1.0 - overlap),
        "cross_entropy": cross_entropy,
        "dice": overlap,
        "accuracy": share * tf.reduce_sum(hit * known, axis=(1, 2)),
    }


def _background_dice(labels: tf.Tensor, logits: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Returns D of each image, (batch,); 1 for an image without a known pixel."""
    predicted = tf.sigmoid(logits) * known
    both = tf.reduce_sum(labels * predicted, axis=(1, 2))
    either = tf.reduce_sum(labels * known + predicted, axis=(1, 2))
    counts = either > 0
    return tf.where(counts, 2.0 * both / tf.where(counts, either, 1.0), 1.0)
