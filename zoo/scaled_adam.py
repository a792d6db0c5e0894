"""Adam and AdamW with a learning rate for each variable."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

__all__ = ["Adam", "AdamW"]


class _RatePerVariable:
    """A factor of the learning rate for each variable, in front of a Keras optimiser.

    A factor of the gradient would change nothing: Adam takes no notice of its scale.
    """

    factors: Sequence[float] = ()
    """Of each trained variable, in their order; empty for 1 everywhere."""

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        if self.factors:
            learning_rate *= self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate)


class Adam(_RatePerVariable, keras.optimizers.Adam):
    """`keras.optimizers.Adam` whose attribute `factors` multiplies the learning rate."""


class AdamW(_RatePerVariable, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW` whose attribute `factors` multiplies the learning rate."""
