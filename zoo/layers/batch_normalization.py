"""Batch normalisation whose batch is the global one, however many replicas share it."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from zoo import randomness

__all__ = ["GlobalBatchNormalization"]


@keras.saving.register_keras_serializable(package="zoo")
class GlobalBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the images of all replicas.

    Keras's own option `synchronized` takes the moments over all replicas but cannot store them
    from within one: its variables have no aggregation. Here the replicas have the same moments, so
    the moving ones are those of the first.

    Args:
        **kwargs: Those of `keras.layers.BatchNormalization`, without `synchronized`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**{**kwargs, "synchronized": False})

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        if not kwargs.get("trainable", True):
            kwargs["aggregation"] = "only_first_replica"
        return super().add_weight(*args, **kwargs)

    def _moments(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        if randomness.replica_count() == 1:
            return super()._moments(inputs, mask)
        # The replicas have equal shares of the batch, so that means of means are means.
        mean = self._mean(inputs)
        return mean, self._mean(tf.square(inputs - mean))

    def _mean(self, x: tf.Tensor) -> tf.Tensor:
        own = tf.reduce_mean(x, axis=self._reduction_axes)
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, own)
