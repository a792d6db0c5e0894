"""Training examples from Python (arrays, dictionaries, tf.data) as the batches of the steps."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.epoch_order import epoch_order

__all__ = [
    "as_array",
    "as_batch",
    "as_tensors",
    "batches",
    "check_arrays",
    "checked",
    "first_examples",
    "in_parts",
    "of_arrays",
    "of_dataset",
    "plain_errors",
]

# Rows that are looked at for a NaN at a time, so that no mask of all pixels is made.
_CHECKED_AT_ONCE = 1024


def of_arrays(model: keras.Model, x: Any, y: Any = None) -> dict[str, np.ndarray]:
    """Returns the features that a model trains on, checked, by name.

    Args:
        model: The model.
        x: The images, (number, height, width, bands); or a dictionary of features by name, labels
            among them; or (x, y).
        y: Labels, or the feature that the model predicts, or a dictionary of these. A model that
            trains without labels has no use for it.

    Raises:
        ValueError: if a feature is missing, or has another length, shape or type, if an input is
            not finite, a label is no number of a class, or values are masked or have a unit.
    """
    if isinstance(x, tuple) and len(x) == 2 and y is None:
        x, y = x
    features = {name: as_array(name, value) for name, value in as_batch(model, x, y).items()}
    check_arrays({name: features[name] for name in model.input_names}, model.input_shapes)
    number = len(features[model.input_names[0]])
    for name in model.outcomes:
        if len(features[name]) != number:
            raise ValueError(
                f"{name} must have one row for each of the {number} examples; got "
                f"{len(features[name])}"
            )
    if "label" in model.outcomes:
        _check_labels(features["label"], model.class_names)
    if hasattr(model, "check_targets"):
        model.check_targets({name: features[name] for name in model.targets})
    return features


def as_array(name: str, values: Any) -> np.ndarray:
    """Returns values as an array, unless it would lose something that they are not meant without.

    Args:
        name: Of the values, for the error.
        values: Numbers of any kind.

    Raises:
        ValueError: if some are masked, or they have a unit (as `astropy.units.Quantity` has).
    """
    if np.ma.is_masked(values):
        raise ValueError(f"{name} must have no masked values: fill them or leave out their rows")
    if hasattr(values, "to_value") and getattr(values, "unit", None) is not None:
        raise ValueError(
            f"{name} must be numbers in the units of the training, such as `x.value`; got a "
            f"quantity in '{values.unit}'"
        )
    return np.asarray(values)


def as_batch(model: keras.Model, x: Any, y: Any = None) -> dict[str, Any]:
    """Returns inputs and outcomes by name, of whatever kind they are, unchecked.

    Raises:
        ValueError: if one is missing.
    """
    if not isinstance(x, Mapping):
        if len(model.input_names) != 1:
            raise ValueError(f"x must be a dictionary with {', '.join(model.input_names)}")
        x = {model.input_names[0]: x}
    features = dict(x)
    if isinstance(y, Mapping):
        features |= y
    elif y is not None and model.outcomes:
        if len(model.outcomes) != 1:
            raise ValueError(f"y must be a dictionary with {', '.join(model.outcomes)}")
        features[model.outcomes[0]] = y
    needed = (*model.input_names, *model.outcomes)
    missing = [name for name in needed if features.get(name) is None]
    if missing:
        raise ValueError(
            f"{type(model).__name__} trains on {', '.join(needed)}; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing"
        )
    return {name: features[name] for name in needed}


def as_tensors(model: keras.Model, batch: Mapping[str, Any]) -> dict[str, tf.Tensor]:
    """Returns a batch as the steps take it: inputs float32, labels int32, the rest as it is.

    Args:
        model: The model.
        batch: What `as_batch` returned.
    """
    types = dict.fromkeys(model.input_names, tf.float32) | {"label": tf.int32}
    tensors = {name: tf.convert_to_tensor(value) for name, value in batch.items()}
    return {name: tf.cast(value, types.get(name, value.dtype)) for name, value in tensors.items()}


def check_arrays(
    arrays: Mapping[str, np.ndarray], shapes: Mapping[str, Sequence[int | None]]
) -> None:
    """Raises if arrays are not what a model takes.

    Args:
        arrays: Arrays by name.
        shapes: Shape of one row of each, None where it may be any.

    Raises:
        ValueError: if an array has another shape, no numbers, or numbers that are not finite, or
            if they have different lengths.
    """
    lengths = {name: len(values) if values.ndim else 0 for name, values in arrays.items()}
    for name, values in arrays.items():
        shape = shapes[name]
        fits = values.ndim == len(shape) + 1 and all(
            size is None or size == actual
            for size, actual in zip(shape, values.shape[1:], strict=True)
        )
        if not fits:
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            raise ValueError(f"{name} must have the shape (number, {sizes}); got {values.shape}")
        if values.dtype.kind not in "biuf":
            raise ValueError(f"{name} must be numbers; got the type {values.dtype}")
        if values.dtype.kind == "f":
            _check_finite(name, values)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"inputs must have as many rows as each other; got {lengths}")


def of_dataset(model: keras.Model, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the batches of a dataset as dictionaries of what the model trains on.

    Args:
        model: The model.
        dataset: Batches: dictionaries, (x, y), or x alone.

    Raises:
        ValueError: if a feature is missing, labels are no integers, or the elements are not
            batches.
    """

    def named(*element: Any) -> dict[str, tf.Tensor]:
        x, y = element if len(element) == 2 else (element[0], None)
        return as_tensors(model, as_batch(model, x, y))

    spec = dataset.element_spec
    if isinstance(spec, tuple) and len(spec) > 2:
        raise ValueError(f"a dataset must hold x, (x, y) or dictionaries; got {len(spec)} parts")
    parts = spec if isinstance(spec, tuple) else (spec,)
    label = as_batch(model, *parts).get("label")
    if label is not None and not (label.dtype.is_integer or label.dtype.is_bool):
        raise ValueError(
            f"label must be one integer for each example, 0 to {len(model.class_names) - 1}; got "
            f"the type {label.dtype.name}"
        )
    mapped = dataset.map(named, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    for name in model.input_names:
        rank, shape = mapped.element_spec[name].shape.rank, model.input_shapes[name]
        if rank is not None and rank != len(shape) + 1:
            raise ValueError(
                f"the dataset must be batched: {name} must have {len(shape) + 1} axes; got {rank}"
            )
    return mapped.prefetch(tf.data.AUTOTUNE)


def checked(model: keras.Model, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset that stops at a batch with a wrong label or with inputs not finite.

    Iterating it raises an error of TensorFlow, see `plain_errors`.

    Args:
        model: The model.
        dataset: What `of_dataset` returned.
    """
    last = len(model.class_names) - 1

    def check(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        finite = {name: tf.math.is_finite(batch[name]) for name in model.input_names}
        checks = [
            (values, f"{name} must be finite; a batch of the dataset has a NaN or an infinity")
            for name, values in finite.items()
        ]
        if "label" in batch:
            label = batch["label"]
            fits = (label >= 0) & (label <= last)
            checks.append((fits, f"label must be 0 to {last}; a batch of the dataset has another"))
        asserts = [tf.debugging.Assert(tf.reduce_all(good), [text]) for good, text in checks]
        with tf.control_dependencies(asserts):
            return {name: tf.identity(value) for name, value in batch.items()}

    return dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raises what TensorFlow makes of the errors of `checked` as ValueError of one line."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        own = re.search(r"\[(\w+ must be [^\]]*; a batch of the dataset [^\]]*)\]", error.message)
        if own is None:
            raise
        raise ValueError(own[1]) from None


def in_parts(
    function: Callable[[tf.Tensor], tf.Tensor], images: np.ndarray, size: int = 256
) -> np.ndarray:
    """Returns a function of images, applied to some at a time to spare memory.

    Args:
        function: Takes a batch and returns a tensor with the same first axis.
        images: (number, ...), one at least.
        size: Images at a time. Default 256.
    """
    starts = range(0, len(images), size)
    return np.concatenate([function(tf.constant(images[i : i + size])) for i in starts])


def first_examples(dataset: tf.data.Dataset, number: int) -> dict[str, np.ndarray]:
    """Returns the first examples of a batched dataset of dictionaries.

    Args:
        dataset: What `of_dataset` returned.
        number: How many, at most.

    Raises:
        ValueError: if there are none.
    """
    parts: list[Mapping[str, np.ndarray]] = []
    count = 0
    for batch in dataset.as_numpy_iterator():
        parts.append(batch)
        count += len(next(iter(batch.values())))
        if count >= number:
            break
    if not count:
        raise ValueError("the dataset must have at least one example; it is empty")
    return {name: np.concatenate([part[name] for part in parts])[:number] for name in parts[0]}


def batches(
    features: Mapping[str, np.ndarray],
    inputs: Sequence[str],
    batch_size: int,
    *,
    endless: bool = False,
    seed: int | None = None,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Returns batches of arrays that are in memory.

    Args:
        features: What `of_arrays` returned.
        inputs: Names of those that become float32.
        batch_size: Rows of a batch.
        endless: Whether epoch follows epoch without end, each without its last, smaller batch.
            Default False: all rows, once.
        seed: Of the order of endless rows, that of `epoch_order`; None (default) for their own.
        first_epoch: Number of the endless epoch that comes first.
    """
    number = len(features[inputs[0]])
    with tf.device("CPU:0"):
        tensors = {name: tf.constant(values) for name, values in features.items()}
        for name in features.keys() - set(inputs):
            if name == "label":
                tensors[name] = tf.cast(tensors[name], tf.int32)

    def order_of(epoch: np.ndarray) -> np.ndarray:
        return np.arange(number) if seed is None else epoch_order(number, seed, int(epoch))

    def rows_of(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.ensure_shape(tf.numpy_function(order_of, [epoch], tf.int64), (number,))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)

    def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = {name: tf.gather(values, rows) for name, values in tensors.items()}
        return batch | {name: tf.cast(batch[name], tf.float32) for name in inputs}

    rows = tf.data.Dataset.range(number).batch(batch_size)
    if endless:
        rows = tf.data.Dataset.range(first_epoch, np.iinfo(np.int64).max).flat_map(rows_of)
    options = tf.data.Options()
    # Its rewriting of the pipeline would copy the tensors, whole, for every iterator.
    options.experimental_optimization.apply_default_optimizations = False
    made = rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)
    return made.with_options(options)


def _check_finite(name: str, values: np.ndarray) -> None:
    for start in range(0, len(values), _CHECKED_AT_ONCE):
        part = values[start : start + _CHECKED_AT_ONCE]
        with np.errstate(over="ignore"):  # A float64 may be too large for the model's float32.
            finite = np.isfinite(part.astype(np.float32, copy=False))
        finite = finite.reshape(len(part), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"{name} must be finite; row {start + np.argmin(finite)} has a NaN or an infinity"
            )


def _check_labels(labels: np.ndarray, class_names: Sequence[str]) -> None:
    last = len(class_names) - 1
    if labels.ndim != 1 or labels.dtype.kind not in "biu":
        raise ValueError(
            f"label must be one integer for each example, 0 to {last}; got the shape "
            f"{labels.shape} and the type {labels.dtype}"
        )
    wrong = (labels < 0) | (labels > last)
    if wrong.any():
        raise ValueError(
            f"label must be 0 to {last} ({', '.join(class_names)}); row {np.argmax(wrong)} has "
            f"{labels[np.argmax(wrong)]}"
        )
