"""Loss and accuracy of classifiers."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

__all__ = ["balanced_weights", "classification_terms"]


def classification_terms(
    label: tf.Tensor,
    logits: tf.Tensor,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> dict[str, tf.Tensor]:
    """Returns the cross-entropy with the label, and whether the answer is right.

        loss = -w_label sum_c t_c log softmax(logits)_c,
        t_c = (1 - smoothing) [c = label] + smoothing / classes

    Args:
        label: (batch,) int32.
        logits: Unnormalised log probabilities, (batch, classes) float32.
        label_smoothing: Share of the target that is spread over all classes, default 0.
        class_weights: w, one for each class; None (default) for 1.

    Returns:
        `loss` and `accuracy`, (batch,) each.
    """
    classes = logits.shape[-1]
    target = tf.one_hot(label, classes) * (1 - label_smoothing) + label_smoothing / classes
    loss = tf.nn.softmax_cross_entropy_with_logits(target, logits)
    if class_weights is not None:
        loss *= tf.gather(tf.constant(class_weights, tf.float32), label)
    hit = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), label)
    return {"loss": loss, "accuracy": tf.cast(hit, tf.float32)}


def balanced_weights(class_counts: Sequence[int]) -> tuple[float, ...]:
    """Returns the weights with which all classes count alike, of mean 1 over the examples.

        w_c = N / (K n_c),   0 for a class without examples

    Args:
        class_counts: n_c, examples of each class; K of them have any.
    """
    share = sum(class_counts) / sum(count > 0 for count in class_counts)
    return tuple(share / count if count else 0.0 for count in class_counts)
