"""Reduction of values per pixel to one value per image."""

import tensorflow as tf

__all__ = ["per_image"]


def per_image(values: tf.Tensor, reduction: str) -> tf.Tensor:
    """Reduces over every axis but the first.

    Args:
        values: (batch, ...).
        reduction: "mean" or "sum" over pixels and bands.

    Raises:
        ValueError: if `reduction` is neither.
    """
    axes = list(range(1, values.shape.rank))
    if reduction == "mean":
        return tf.reduce_mean(values, axis=axes)
    if reduction == "sum":
        return tf.reduce_sum(values, axis=axes)
    raise ValueError(f"reduction must be 'mean' or 'sum'; got '{reduction}'")
