"""Applies a model's functions to arrays that are larger than a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

__all__ = ["apply"]


def apply(
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    array: np.ndarray,
    *,
    batch_size: int = 256,
) -> dict[str, np.ndarray]:
    """Applies a function of a batch to all rows of an array.

    Args:
        function: Takes a float32 tensor whose first axis is the batch, returns a dictionary of
            tensors with the same first axis. It is traced once.
        array: (number, ...) float32, at least one row.
        batch_size: Rows at a time. Default 256.

    Returns:
        The outputs by name, (number, ...) each; half-precision outputs become float32.

    Raises:
        ValueError: if `array` has no rows, `batch_size` is not positive, or an output is not
            finite.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; got {batch_size}")
    if len(array) == 0:
        raise ValueError(f"array must have at least one row; got shape {array.shape}")
    # A concrete function: a `tf.function` warns of retracing when models come one after another.
    signature = [tf.TensorSpec((None, *array.shape[1:]), tf.float32)]
    traced = tf.function(function, input_signature=signature).get_concrete_function()
    pieces: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(array), batch_size):
        outputs = traced(tf.constant(array[start : start + batch_size], tf.float32))
        for name, value in outputs.items():
            if value.dtype in (tf.float16, tf.bfloat16):
                value = tf.cast(value, tf.float32)
            pieces.setdefault(name, []).append(value.numpy())
    results = {name: np.concatenate(values) for name, values in pieces.items()}
    for name, value in results.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = np.unique(np.nonzero(~np.isfinite(value))[0])
            raise ValueError(
                f"output '{name}' must be finite; it is not for {len(bad)} of {len(value)} rows, "
                f"the first of them row {bad[0]}"
            )
    return results
