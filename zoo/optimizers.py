"""Optimisers with a learning rate for each variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["AdamWithFactors"]


class AdamWithFactors(keras.optimizers.Adam):
    """Adam whose learning rate is multiplied by a factor for each variable.

    A factor on the gradient would change nothing: Adam takes no notice of its scale.

    Args:
        learning_rate: Learning rate, or a schedule.
        factors: Of each of the trainable variables, in their order. Default 1 for all.
    """

    def __init__(self, learning_rate: Any = 1e-3, *, factors: Sequence[float] = (), **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.factors = tuple(factors)

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        if self.factors:
            learning_rate = learning_rate * self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factors": list(self.factors)}
