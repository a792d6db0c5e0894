"""Layers whose configuration follows from their constructor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from zoo.configuration import kept_arguments
from zoo.constructors import constructor_arguments

__all__ = ["Float32Layer", "ZooLayer"]


class ZooLayer(keras.layers.Layer):
    """A Keras layer that keeps each constructor argument in an attribute of the same name.

    From these follows `get_config`; a subclass extends it for arguments that are layers.
    """

    def add_statistic(
        self, name: str, shape: Sequence[int] = (), initial: str = "zeros"
    ) -> keras.Variable:
        """Returns a new weight that is not trained, for what `adapt` measures.

        Args:
            name: Name of the weight.
            shape: Its shape; default a number.
            initial: Keras initialiser of the values before `adapt`. Default "zeros".
        """
        return self.add_weight(name=name, shape=shape, initializer=initial, trainable=False)

    def get_config(self) -> dict[str, Any]:
        arguments = constructor_arguments(type(self), ZooLayer)
        return {**super().get_config(), **kept_arguments(self, arguments)}


class Float32Layer(ZooLayer):
    """A `ZooLayer` that computes in float32 whatever the precision of the model."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{**kwargs, "dtype": "float32"})
