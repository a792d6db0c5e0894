"""Principal components of code maps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from zoo.layer import Float32Layer

__all__ = ["CodeComponents"]


@keras.saving.register_keras_serializable(package="zoo")
class CodeComponents(Float32Layer):
    """Principal components of one-hot codes, whose distances approach those of the codes.

        y = V^T (o - mean),    |o_1 - o_2|^2 = 2 x (positions in which the codes differ)

    Before `adapt` the axes are random directions.

    Args:
        positions: Codes of an object.
        codes: Number of codes there are.
        components: Length of y, at most positions x codes.
        seed: Seed of the directions.

    Call arguments:
        codes: (batch, positions) int32.

    Returns:
        (batch, components).

    Raises:
        ValueError: if there are more components than one-hot codes.
    """

    def __init__(self, positions: int, codes: int, components: int, seed: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        if not 1 <= components <= positions * codes:
            raise ValueError(
                f"components must be between 1 and {positions * codes}, positions x codes; "
                f"got {components}"
            )
        self.positions, self.codes, self.components = positions, codes, components
        self.seed = seed
        self.mean = self.add_statistic("mean", (positions * codes,))
        self.axes = self.add_statistic(
            "axes", (positions * codes, components), keras.initializers.Orthogonal(seed=seed)
        )
        self.built = True

    def adapt(self, codes: np.ndarray) -> None:
        """Finds mean and axes; of fewer objects than components the last ones are zero.

        Args:
            codes: (number, positions) integers.
        """
        flat = np.eye(self.codes, dtype=np.float32)[codes].reshape(len(codes), -1)
        number = min(self.components, len(flat))
        fitted = PCA(number, svd_solver="randomized", random_state=self.seed).fit(flat)
        axes = np.zeros(self.axes.shape, np.float32)
        axes[:, :number] = fitted.components_.T
        self.mean.assign(fitted.mean_)
        self.axes.assign(axes)

    def call(self, codes: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(tf.one_hot(codes, self.codes), (-1, self.positions * self.codes))
        return tf.matmul(flat - self.mean, self.axes)
