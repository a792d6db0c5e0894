"""Entry point of an exported model with its answers and their validity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from trainers.novelty import graph
from zoo.embedding import EMBEDDING
from zoo.serving import checked_signatures
from zoo.signature import Signature

if TYPE_CHECKING:
    from trainers.novelty.reference import Reference
    from zoo.model import ZooModel

__all__ = ["VALIDITY", "make"]

VALIDITY = "validity"
"""Name of the signature."""

_JOINED = ("serving_default", "encode", EMBEDDING)


def make(model: ZooModel, reference: Reference) -> Signature | None:
    """Returns a signature with all that a table has of an image, in one pass through the model.

    Its outputs are those of `serving_default`, `encode` and `embedding`, as far as the model has
    them, and the columns of `trainers.novelty.reference.DESCRIPTIONS`.

    Args:
        model: The model.
        reference: Statistics of its training images.

    Returns:
        None for a model that reads more than images.
    """
    if model.input_names != ("image",):
        return None
    offered = model.signatures()
    functions = [offered[name].function for name in _JOINED if name in offered]

    def function(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """The answers, the embedding, and in what the image is unlike those of the training."""
        # What two functions compute from the same tensors is computed once, if each weight is one
        # tensor: TensorFlow does not merge two readings of a variable.
        weights = [(weight, tf.convert_to_tensor(weight.value)) for weight in model.variables]
        answers: dict[str, tf.Tensor] = {}
        with keras.StatelessScope(state_mapping=weights):
            for each in functions:
                answers = {**each(image), **answers}
        return {**answers, **graph.columns(reference, image, answers.get(EMBEDDING))}

    inputs = offered["serving_default"].inputs
    return checked_signatures.guarded(Signature(function, inputs), model.training_shapes)
