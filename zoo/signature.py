"""Entry points of an exported model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

__all__ = ["Signature"]


@dataclasses.dataclass(frozen=True)
class Signature:
    """An entry point of the exported SavedModel.

    Attributes:
        function: Takes the inputs as positional tensors, returns a dictionary of tensors whose
            first axis is the batch.
        inputs: The specifications of the inputs; their names are those of the request.
    """

    function: Callable[..., Mapping[str, tf.Tensor]]
    inputs: tuple[tf.TensorSpec, ...]
