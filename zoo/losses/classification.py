"""The terms that a classifier is trained by."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

__all__ = ["check_class_weights", "classification_terms"]


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


def check_class_weights(class_weights: Sequence[float] | None, class_names: Sequence[str]) -> None:
    """Raises ValueError if these are not one positive weight for each class."""
    if class_weights is not None and (
        len(class_weights) != len(class_names) or not min(class_weights) > 0
    ):
        raise ValueError(
            f"class_weights must be a positive number for each of {list(class_names)}; "
            f"got {list(class_weights)}"
        )
