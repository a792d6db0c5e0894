"""Writing a model as a SavedModel of core TensorFlow operations, and checking what was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from zoo.signature import Signature

__all__ = ["ANSWERS", "CLASSES", "ExportError", "check", "compare", "save"]

CLASSES = "classes.txt"
ANSWERS = "answers.txt"
_TOLERANCE = (
    1e-2  # of the largest value; a graph may round differently, above all in half precision
)
_PYTHON_OPS = {"EagerPyFunc", "NumpyFunction", "PyFunc", "PyFuncStateless"}


class ExportError(RuntimeError):
    """The SavedModel's answers are not finite, or not those of the model."""


def save(model: keras.Model, signatures: Mapping[str, Signature], folder: Path) -> None:
    """Writes the SavedModel, with the class names in `assets/classes.txt`.

    A model of votes has `<question>_<answer>` in `assets/answers.txt`.

    Args:
        model: The model.
        signatures: Its entry points by name.
        folder: Folder to write into; it exists.

    Raises:
        ValueError: if a class name cannot stand on a line of its own.
        OSError: if a file cannot be written.
    """
    archive = keras.export.ExportArchive()
    for name, signature in signatures.items():
        function, inputs = signature.function, list(signature.inputs)
        if not inputs:  # An ExportArchive takes one without inputs only if it has been traced.
            function, inputs = tf.function(function), None
            function.get_concrete_function()
        archive.add_endpoint(name, function, inputs)
    votes = model.task == "votes"
    listed = folder / (ANSWERS if votes else CLASSES)
    names = model.tree.answers if votes else model.class_names
    if names:
        for name in names:
            if len(name.splitlines()) != 1:
                argument = "questions" if votes else "class_names"
                raise ValueError(f"{argument} must be one line each; got {name!r}")
        listed.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        # An ExportArchive takes assets only as part of a lookup table.
        rows = tf.lookup.TextFileInitializer(
            str(listed),
            key_dtype=tf.string,
            key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
            value_dtype=tf.int64,
            value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
        )
        archive.track(tf.lookup.StaticHashTable(rows, default_value=-1))
    try:
        archive.write_out(str(folder), verbose=False)
    except tf.errors.OpError as error:
        raise OSError(_reason(error)) from error
    listed.unlink(missing_ok=True)  # The SavedModel has its own copy among its assets.


def check(
    folder: Path,
    signatures: Mapping[str, Signature],
    samples: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, dict[str, tf.TensorSpec]]:
    """Compares the SavedModel with the model.

    Args:
        folder: Folder of the SavedModel.
        signatures: The model's entry points by name.
        samples: Batch of each input by name, for each signature.

    Returns:
        For each signature the specification of each output by name.

    Raises:
        ValueError: if a signature needs Python.
        ExportError: if an answer is not finite, or not that of the model.
    """
    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    used = {op.name for op in saved.meta_graphs[0].meta_info_def.stripped_op_list.op}
    python_ops = sorted(_PYTHON_OPS & used)
    if python_ops:
        raise ValueError(
            f"signatures must be of core TensorFlow operations; got {', '.join(python_ops)}"
        )
    loaded = tf.saved_model.load(str(folder))
    outputs = {}
    for name, signature in signatures.items():
        inputs = {key: tf.constant(value) for key, value in samples[name].items()}
        expected = signature.function(*(inputs[tensor.name] for tensor in signature.inputs))
        actual = loaded.signatures[name](**inputs)
        for key, value in expected.items():
            compare(f"output '{key}' of signature '{name}'", value.numpy(), actual[key].numpy())
        specs = loaded.signatures[name].structured_outputs
        outputs[name] = {key: specs[key] for key in expected}
    return outputs


def _reason(error: tf.errors.OpError) -> str:
    # "{{function_node ...}} /path/of/a/part; No space left on device [Op:SaveV2]"
    line = error.message.splitlines()[0]
    return re.sub(r"\{\{.*?\}\} *| *\[Op:\w+\]", "", line).rsplit("; ", 1)[-1]


def compare(what: str, expected: np.ndarray, actual: np.ndarray) -> None:
    """Raises ExportError if an answer is not finite, or not the expected one up to rounding.

    Args:
        what: The answer, for the error.
        expected: Answer of the model.
        actual: That of what was written.
    """
    if expected.dtype == object or expected.dtype == bool:  # Texts and flags.
        if not np.array_equal(expected, actual):
            raise ExportError(f"{what} must be {expected.tolist()}; got {actual.tolist()}")
        return
    if not np.isfinite(actual).all():
        raise ExportError(f"{what} must be finite for the sample images; got NaN or infinity")
    difference = np.max(np.abs(actual - expected), initial=0.0)
    allowed = _TOLERANCE * max(np.max(np.abs(expected), initial=0.0), 1e-6)
    if difference > allowed:
        raise ExportError(
            f"{what} must be the same from the SavedModel as from the model, to {allowed:.3g}; "
            f"got a difference of {difference:.3g}"
        )
