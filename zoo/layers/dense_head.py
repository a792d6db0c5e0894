"""Dense layers with dropout that does not depend on the number of replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo import randomness
from zoo.layer import ZooLayer

__all__ = ["DenseHead"]


@keras.saving.register_keras_serializable(package="zoo")
class DenseHead(ZooLayer):
    """Dense layers, the last of which is linear, with dropout behind the first.

        h = drop(a_1(W_1 x + b_1)),  ...,  y = W_n h + b_n

    Args:
        inputs: Length of the vector.
        units: Length of each hidden layer.
        activations: Of each hidden layer.
        outputs: Length of the result, float32.
        dropout: Share of the first hidden layer that is dropped in training, default 0; without
            hidden layers, of the vector itself.
        seed: Seed of the weights.
        starts_near_zero: Whether the weights of the last layer start a tenth as large, as suits
            scales of densities. Default False.

    Call arguments:
        x: (batch, inputs).
        seed: Stateless seed of the dropout, int32 of shape (2,); None for no dropout.

    Raises:
        ValueError: if `dropout` is not in [0, 1), or `units` and `activations` differ in length.
    """

    def __init__(
        self,
        inputs: int,
        units: Sequence[int],
        activations: Sequence[str],
        outputs: int,
        dropout: float = 0.0,
        seed: int = 0,
        starts_near_zero: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {dropout}")
        if len(units) != len(activations):
            raise ValueError(
                f"activations must be one for each of the hidden layers {list(units)}; "
                f"got {list(activations)}"
            )
        self.inputs = inputs
        self.units = tuple(units)
        self.activations = tuple(activations)
        self.outputs = outputs
        self.dropout = dropout
        self.seed = seed
        self.starts_near_zero = starts_near_zero
        lengths = (inputs, *self.units)
        self.hidden = [
            keras.layers.Dense(
                length,
                activation=activation,
                kernel_initializer=_glorot(seed + i),
                name=f"hidden{i}",
            )
            for i, (length, activation) in enumerate(zip(self.units, self.activations, strict=True))
        ]
        last = seed + len(units)
        start = keras.initializers.VarianceScaling(0.01, mode="fan_avg", seed=last)
        self.last = keras.layers.Dense(
            outputs,
            kernel_initializer=start if starts_near_zero else _glorot(last),
            dtype="float32",
            name="last",
        )
        for layer, length in zip((*self.hidden, self.last), lengths, strict=True):
            layer.build((None, length))
        self.built = True

    def call(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        for layer in self.hidden[:1]:
            x = layer(x)
        x = randomness.dropout(x, self.dropout, seed)
        for layer in self.hidden[1:]:
            x = layer(x)
        return self.last(x)

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.outputs)


def _glorot(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seed)
