"""Networks whose weights a training step may hold fixed."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

__all__ = ["call_frozen"]


def call_frozen(network: keras.Model, inputs: Any, frozen: tf.Tensor, training: bool) -> Any:
    """Returns a network's outputs, through which gradients reach its weights or do not.

    In a graph `trainable` is decided once; here each step decides.

    Args:
        network: The network.
        inputs: Its inputs.
        frozen: Scalar bool, whether no gradient reaches its weights.
        training: Whether it trains.
    """
    weights = [
        tf.where(frozen, tf.stop_gradient(each.value), each.value)
        for each in network.trainable_variables
    ]
    fixed = [each.value for each in network.non_trainable_variables]
    outputs, _ = network.stateless_call(weights, fixed, inputs, training=training)
    return outputs
