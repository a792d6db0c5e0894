"""Features of a network brought to a common scale."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["FeatureScaling"]


@keras.saving.register_keras_serializable(package="zoo")
class FeatureScaling(Float32Layer):
    """Standardised features, (x - mean) / stddev, in which what hardly varies stays small.

    Args:
        inputs: Number of features.
        floor: Smallest divisor, as a share of the root mean square of all standard deviations.
            A latent that the encoder left unused varies by a thousandth of the others; divided
            by its own standard deviation it would be noise as large as they are. Default 0.1.

    Call arguments:
        x: (batch, inputs).

    Returns:
        (batch, inputs) float32.
    """

    def __init__(self, inputs: int, floor: float = 0.1, **kwargs: Any):
        super().__init__(**kwargs)
        self.inputs, self.floor = inputs, floor
        self.mean = self.add_statistic("mean", (inputs,))
        self.stddev = self.add_statistic("stddev", (inputs,), "ones")
        self.built = True

    def adapt(self, features: np.ndarray) -> None:
        """Sets mean and divisor from features, (number, inputs)."""
        stddev = features.std(axis=0)
        lowest = self.floor * np.sqrt(np.mean(np.square(stddev)))
        stddev = np.maximum(stddev, lowest)
        self.mean.assign(features.mean(axis=0))
        # A constant feature has no scale.
        self.stddev.assign(np.where(stddev > 0, stddev, 1.0))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return (tf.cast(x, tf.float32) - self.mean) / self.stddev
