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

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        if training and self.trainable and self._is_fused(inputs, mask):
            return self._fused(inputs)
        return super().call(inputs, training=training, mask=mask)

    def _is_fused(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> bool:
        return (
            randomness.replica_count() == 1
            and mask is None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and self.scale
            and self.center
            and not self.renorm
            and inputs.dtype == tf.float32 == self.compute_dtype
        )

    def _fused(self, x: tf.Tensor) -> tf.Tensor:
        """Normalises in one operation: a tenth less time for a step of EfficientNetV2-B0."""
        none = tf.zeros((0,))
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=none,
            variance=none,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0,
            is_training=True,
        )
        # It returns the variance of a population of which the batch is a sample; Keras keeps that
        # of the batch.
        number = tf.cast(tf.reduce_prod(tf.shape(x)[:3]), tf.float32)
        variance *= (number - 1.0) / number
        for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + new * (1.0 - self.momentum))
        return y

    def _moments(self, inputs: tf.Tensor, mask: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        if randomness.replica_count() == 1:
            return super()._moments(inputs, mask)
        mean = self._mean(inputs)
        return mean, self._mean(tf.square(inputs - mean))

    def _mean(self, x: tf.Tensor) -> tf.Tensor:
        return randomness.global_mean(tf.reduce_mean(x, axis=self._reduction_axes))
