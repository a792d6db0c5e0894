"""Applies a model's functions to arrays that are larger than a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["apply", "stream"]


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
    traced = _traced(function, array.shape[1:])
    pieces: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(array), batch_size):
        outputs = traced(tf.constant(array[start : start + batch_size], tf.float32))
        for name, value in _as_arrays(outputs).items():
            pieces.setdefault(name, []).append(value)
    results = {name: np.concatenate(values) for name, values in pieces.items()}
    _check(results)
    return results


def stream(
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    dataset: Dataset,
    split: str,
    *,
    features: Sequence[str] = (),
    batch_size: int = 256,
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Applies a function to the images of a split, batch by batch, in memory that does not grow.

    Args:
        function: As that of `apply`.
        dataset: The dataset.
        split: Its split.
        features: Names of further features of the dataset that are wanted.
        batch_size: Images at a time. Default 256.

    Yields:
        The outputs by name and the features by name, (rows, ...) each, in the dataset's order.

    Raises:
        ValueError: if an output is not finite, or there is no such feature.
    """
    traced = _traced(function, dataset.spec.image_shape)
    for batch in dataset.batches(split, batch_size, labels=False, features=features):
        outputs = _as_arrays(traced(batch["image"]))
        _check(outputs)
        yield outputs, {name: batch[name].numpy() for name in features}


def _traced(
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]], image_shape: Sequence[int]
) -> Callable[[tf.Tensor], Mapping[str, tf.Tensor]]:
    # A concrete function: a `tf.function` warns of retracing when models come one after another.
    signature = [tf.TensorSpec((None, *image_shape), tf.float32)]
    return tf.function(function, input_signature=signature).get_concrete_function()


def _as_arrays(outputs: Mapping[str, tf.Tensor]) -> dict[str, np.ndarray]:
    halves = (tf.float16, tf.bfloat16)
    return {
        name: (tf.cast(value, tf.float32) if value.dtype in halves else value).numpy()
        for name, value in outputs.items()
    }


def _check(outputs: Mapping[str, np.ndarray]) -> None:
    for name, value in outputs.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = np.unique(np.nonzero(~np.isfinite(value))[0])
            raise ValueError(
                f"output '{name}' must be finite; it is not for {len(bad)} of {len(value)} rows, "
                f"the first of them row {bad[0]}"
            )
