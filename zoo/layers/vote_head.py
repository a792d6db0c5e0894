"""Dense layers with dropout that stays on: one draw a step in training, a fixed few in use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo import randomness
from zoo.layer import ZooLayer

__all__ = ["VoteHead"]


@keras.saving.register_keras_serializable(package="zoo")
class VoteHead(ZooLayer):
    """Dense ReLU layers and a last linear one, with dropout in front of the last: MC dropout.

        h_0 = x,   h_i = relu(W_i h_(i-1) + b_i),   y = W drop(h_n) + b

    In training every image has its own dropout at every step. In use M masks, drawn once for all
    images from the layer's seed, make M fixed networks, the passes: the answer for an image then
    depends on nothing but the image, and what passes say of two images is comparable.

    Args:
        inputs: Length of the vector x.
        units: Length of each hidden layer; may be empty.
        outputs: Length of y.
        dropout: Share that is dropped, in training and in use, in [0, 1).
        passes: M, at least 1; without dropout one is enough, and made.
        seed: Seed of weights and masks.
        bias: Initial value of the last layer's bias, default 0.

    Call arguments:
        x: (batch, inputs).
        seed: Stateless seed of the dropout in training, int32 of shape (2,); None in use.

    Returns:
        y, (batch, 1, outputs) in training, (batch, passes, outputs) in use; float32.

    Raises:
        ValueError: if `dropout`, `passes` or `units` is out of range.

    References:
        Gal & Ghahramani 2016 (arXiv 1506.02142); Kirsch et al. 2019 (arXiv 1906.08158), section
        3.3, for masks that are the same for all images.
    """

    def __init__(
        self,
        inputs: int,
        units: Sequence[int],
        outputs: int,
        dropout: float = 0.5,
        passes: int = 20,
        seed: int = 0,
        bias: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {dropout}")
        if passes < 1:
            raise ValueError(f"passes must be at least 1; got {passes}")
        if any(length < 1 for length in units):
            raise ValueError(f"units must be positive integers; got {list(units)}")
        self.inputs = inputs
        self.units = tuple(units)
        self.outputs = outputs
        self.dropout = dropout
        self.passes = passes
        self.seed = seed
        self.bias = bias
        self.hidden = [
            keras.layers.Dense(
                length,
                activation="relu",
                kernel_initializer=keras.initializers.HeNormal(seed=seed + number),
                name=f"hidden{number}",
            )
            for number, length in enumerate(self.units)
        ]
        self.last = keras.layers.Dense(
            outputs,
            # A tenth of Glorot's: large concentrations at the start would be refuted dearly.
            kernel_initializer=keras.initializers.VarianceScaling(
                0.01, "fan_avg", "uniform", seed=seed + len(self.units)
            ),
            bias_initializer=keras.initializers.Constant(bias),
            dtype="float32",
            name="last",
        )
        lengths = (inputs, *self.units)
        for layer, length in zip((*self.hidden, self.last), lengths, strict=True):
            layer.build((None, length))
        self.built = True

    def call(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        return self.last(self._drop(self.features(x)[:, None], seed))

    def features(self, x: tf.Tensor) -> tf.Tensor:
        """Returns the last hidden layer without dropout; x itself if there is none.

        Args:
            x: (batch, inputs).
        """
        for layer in self.hidden:
            x = layer(x)
        return x

    def _drop(self, x: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Returns x, (batch, 1, features), with a pass along its second axis for each mask."""
        if seed is not None or not self.dropout:
            return randomness.dropout(x, self.dropout, seed)
        base = tf.constant([self.seed, 0], tf.int32)
        shape = (self.passes, int(x.shape[-1]))
        draws = tf.random.stateless_uniform(shape, base, alg="philox")
        return tf.where(draws < self.dropout, tf.zeros_like(x), x / (1 - self.dropout))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        return (input_shape[0], self.passes if self.dropout else 1, self.outputs)
