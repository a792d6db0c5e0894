"""Signatures of an exported model, with checked inputs, and the names of its classes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from zoo.signature import Signature

__all__ = ["NAMES", "guarded", "make"]

NAMES = "names"
"""Signature that returns what the places along the last axis of an output are called."""


def make(model: keras.Model) -> dict[str, Signature]:
    """Returns the entry points of the SavedModel by name.

    They are those of the model, whose inputs are checked and may be empty batches, and `names` if
    there are classes, or questions with answers.
    """
    offered = {
        name: guarded(signature, model.training_shapes)
        for name, signature in model.signatures().items()
    }
    names = _names(model)
    if names:
        offered[NAMES] = _constant(names)
    return offered


def guarded(signature: Signature, shapes: Mapping[str, Sequence[int]]) -> Signature:
    """Returns a signature with inputs that are checked in the graph, and may be empty.

    A server hands on whatever it is sent: a convolution of oneDNN that meets an image without
    its batch axis ends the process, and fails on an empty batch.

    Args:
        signature: The signature.
        shapes: Shape of a row of each input in training.
    """

    @functools.wraps(signature.function)
    def function(*inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        checked = [
            _checked(tensor, spec) for tensor, spec in zip(inputs, signature.inputs, strict=True)
        ]
        number = tf.shape(checked[0])[0]
        filled = [
            _at_least_one(tensor, number, shapes.get(spec.name))
            for tensor, spec in zip(checked, signature.inputs, strict=True)
        ]
        return {name: value[:number] for name, value in signature.function(*filled).items()}

    # An optional argument of the function is no input; TensorFlow would look for it there.
    del function.__wrapped__
    return Signature(function, signature.inputs)


def _checked(tensor: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    tensor = tf.ensure_shape(tensor, spec.shape)
    if None not in spec.shape[1:]:
        return tensor
    sizes = tf.shape(tensor)
    positive = tf.debugging.Assert(
        tf.reduce_all(sizes[1:] > 0), [f"{spec.name} must have pixels; got the shape", sizes]
    )
    with tf.control_dependencies([positive]):
        return tf.identity(tensor)


def _at_least_one(tensor: tf.Tensor, number: tf.Tensor, shape: Sequence[int] | None) -> tf.Tensor:
    """Returns the batch, or one row of zeros if it is empty."""
    sizes = tensor.shape[1:].as_list()
    # An image of any size stands in with that of the training.
    row = shape if None in sizes else sizes
    filled = tf.cond(number > 0, lambda: tensor, lambda: tf.zeros((1, *row), tensor.dtype))
    return tf.ensure_shape(filled, tensor.shape)


def _names(model: keras.Model) -> dict[str, list[str]]:
    if model.task == "votes":
        return {"fractions": list(model.tree.answers), "asked": list(model.tree.names)}
    return {"probability": list(model.class_names)} if model.class_names else {}


def _constant(names: Mapping[str, list[str]]) -> Signature:
    def function() -> Mapping[str, tf.Tensor]:
        """The names of classes, or of answers and questions, in the order of the outputs."""
        return {output: tf.constant(texts) for output, texts in names.items()}

    return Signature(function, ())
