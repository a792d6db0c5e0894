"""Applies a model's functions to arrays that are larger than a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = ["apply", "method_of", "stream"]

# Rows of a batch, and pixels of its images, at most.
_ROWS, _PIXELS = 256, 256 * 64 * 64


def method_of(model: ZooModel, name: str) -> Callable[..., Mapping[str, tf.Tensor]]:
    """Returns a method of a model as a function of its inputs, a tensor each, in their order.

    Args:
        model: The model.
        name: `call`, `encode`, `reconstruct` or another method of the inputs.
    """
    if name != "call":
        return getattr(model, name)
    if len(model.input_names) == 1:
        return model
    return lambda *inputs: model(dict(zip(model.input_names, inputs, strict=True)))


def apply(
    function: Callable[..., Mapping[str, tf.Tensor]],
    *arrays: np.ndarray,
    batch_size: int | None = None,
) -> dict[str, np.ndarray]:
    """Applies a function of a batch to all rows of one or several arrays.

    Args:
        function: Takes a float32 tensor for each array, whose first axis is the batch, returns a
            dictionary of tensors with the same first axis. It is traced once.
        *arrays: (number, ...) float32, at least one row, as many in each.
        batch_size: Rows at a time. Default 256, of images larger than 64 x 64 pixels so many that
            the feature maps of a network take no more memory than those of 256 such images.

    Returns:
        The outputs by name, (number, ...) each; half-precision outputs become float32.

    Raises:
        ValueError: if the arrays have no rows, `batch_size` is not positive, or an output is not
            finite.
    """
    if batch_size is None:
        batch_size = _batch_size(arrays)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; got {batch_size}")
    number = len(arrays[0])
    if number == 0:
        raise ValueError(f"arrays must have at least one row; got shape {arrays[0].shape}")
    traced = _traced(function, [array.shape[1:] for array in arrays])
    pieces: dict[str, list[np.ndarray]] = {}
    for start in range(0, number, batch_size):
        rows = slice(start, start + batch_size)
        outputs = traced(*(tf.constant(array[rows], tf.float32) for array in arrays))
        for name, value in _as_arrays(outputs).items():
            pieces.setdefault(name, []).append(value)
    results = {name: np.concatenate(values) for name, values in pieces.items()}
    _check(results)
    return results


def stream(
    function: Callable[..., Mapping[str, tf.Tensor]],
    dataset: Dataset,
    split: str,
    *,
    inputs: Sequence[str] = ("image",),
    features: Sequence[str] = (),
    batch_size: int = 256,
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Applies a function to the examples of a split, batch by batch, in memory that does not grow.

    Args:
        function: As that of `apply`.
        dataset: The dataset.
        split: Its split.
        inputs: Features of the dataset that the function takes, in its order. Default the images.
        features: Names of further features of the dataset that are wanted.
        batch_size: Examples at a time. Default 256.

    Yields:
        The outputs by name and the features by name, (rows, ...) each, in the dataset's order.

    Raises:
        ValueError: if an output is not finite, or there is no such feature.
    """
    others = [name for name in dict.fromkeys([*inputs, *features]) if name != "image"]
    batches = dataset.batches(split, batch_size, labels=False, features=tuple(others))
    shapes = {name: spec.shape[1:] for name, spec in batches.element_spec.items()}
    shapes["image"] = dataset.spec.image_shape
    traced = _traced(function, [shapes[name] for name in inputs])
    for batch in batches:
        outputs = _as_arrays(traced(*(tf.cast(batch[name], tf.float32) for name in inputs)))
        _check(outputs)
        yield outputs, {name: batch[name].numpy() for name in features}


def _batch_size(arrays: Sequence[np.ndarray]) -> int:
    pixels = max(
        [array.shape[1] * array.shape[2] for array in arrays if array.ndim == 4], default=1
    )
    return int(np.clip(_PIXELS // max(pixels, 1), 1, _ROWS))


def _traced(
    function: Callable[..., Mapping[str, tf.Tensor]], shapes: Sequence[Sequence[int | None]]
) -> Callable[..., Mapping[str, tf.Tensor]]:
    # A concrete function: a `tf.function` warns of retracing when models come one after another.
    signature = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
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
