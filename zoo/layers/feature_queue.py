"""Queue of the latest feature vectors, for losses that compare with more than a batch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import randomness
from zoo.layer import Float32Layer

__all__ = ["FeatureQueue"]


@keras.saving.register_keras_serializable(package="zoo")
class FeatureQueue(Float32Layer):
    """Ring of the latest feature vectors of the global batch; every replica has the same one.

    Args:
        size: Number of vectors.
        length: Length of a vector.
        seed: Seed of the unit vectors that stand in it at the start.

    References:
        He et al. 2020 (arXiv:1911.05722), section 3.2.
    """

    def __init__(self, size: int, length: int, seed: int = 0, **kwargs: Any):
        super().__init__(**{**kwargs, "trainable": False})
        if size < 1 or length < 1:
            raise ValueError(f"size and length must be at least 1; got {size} and {length}")
        self.size, self.length, self.seed = size, length, seed
        start = np.random.default_rng(seed).normal(size=(size, length))
        start /= np.linalg.norm(start, axis=1, keepdims=True)
        own = {"trainable": False, "aggregation": "only_first_replica"}
        self.rows = self.add_weight(
            name="rows",
            shape=(size, length),
            initializer=lambda shape, dtype: keras.ops.convert_to_tensor(start, dtype),
            **own,
        )
        self.place = self.add_weight(
            name="place", shape=(), initializer="zeros", dtype="int32", **own
        )
        self.built = True

    @property
    def vectors(self) -> tf.Tensor:
        """The vectors, (size, length) float32, in no particular order."""
        return tf.convert_to_tensor(self.rows.value)

    def enqueue(self, features: tf.Tensor) -> None:
        """Replaces the oldest vectors, inside of a step.

        Args:
            features: (batch, length), this replica's; the whole batch goes in.
        """
        latest = randomness.global_rows(tf.cast(features, tf.float32))[-self.size :]
        number = tf.shape(latest)[0]
        rows = (self.place + tf.range(number)) % self.size
        self.rows.assign(tf.tensor_scatter_nd_update(self.rows.value, rows[:, None], latest))
        self.place.assign((self.place + number) % self.size)
