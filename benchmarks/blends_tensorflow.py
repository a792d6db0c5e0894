"""The zoo's blend classifiers as the trainers call them, on some of the cores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks import flop, machine
from trainers.training import feature_cache, two_stage
from zoo import registry
from zoo.model import ZooModel

__all__ = ["BlendAnswers", "VggFeatures"]

# As in `trainers.reproduce`.
_BATCH = 256


class VggFeatures:
    """The features of `blendhunter`.

    Args:
        stamps: (number, height, width, 1), counts.
        cores: Cores that it may use.
    """

    def __init__(self, stamps: np.ndarray, cores: int):
        _keep_to_cores(cores)
        model = registry.create("blendhunter", image_shape=stamps.shape[1:], weights="none")
        self._network = two_stage.feature_function(model, stamps.shape[1:])
        one = tf.TensorSpec((1, *stamps.shape[1:]), tf.float32)
        self._flop = flop.of(tf.function(model.features).get_concrete_function(one))
        self._batches = _batches(stamps, feature_cache.BATCH)

    def flop(self) -> int:
        """Returns the operations of the network for a stamp."""
        return self._flop

    def speed(self) -> float:
        """Returns stamps/s, the preprocessing included."""
        return _speed(self._network, self._batches)


class BlendAnswers:
    """Probabilities of blend classifiers.

    Args:
        stamps: (number, height, width, 1), counts.
        cores: Cores that it may use.
        numbers: By registry key, how many of the stamps a model is given.
    """

    def __init__(self, stamps: np.ndarray, cores: int, numbers: dict[str, int]):
        _keep_to_cores(cores)
        self._models = {name: _answers(name, stamps.shape[1:]) for name in numbers}
        self._batches = {name: _batches(stamps[:n], _BATCH) for name, n in numbers.items()}

    def speed(self, name: str) -> float:
        """Returns stamps/s of a model by its registry key."""
        return _speed(self._models[name], self._batches[name])


def _answers(name: str, image_shape: Sequence[int]) -> Callable[[tf.Tensor], tf.Tensor]:
    hyperparameters = {"weights": "none"} if name == "blendhunter" else {}
    model: ZooModel = registry.create(name, image_shape=image_shape, **hyperparameters)
    signature = [tf.TensorSpec((None, *image_shape), tf.float32)]
    return tf.function(lambda images: model(images)["probability"], input_signature=signature)


def _batches(stamps: np.ndarray, size: int) -> list[tf.Tensor]:
    return [tf.constant(stamps[start : start + size]) for start in range(0, len(stamps), size)]


def _speed(function: Callable[[tf.Tensor], tf.Tensor], batches: Sequence[tf.Tensor]) -> float:
    begun = time.perf_counter()
    for batch in batches:
        function(batch).numpy()
    return sum(map(len, batches)) / (time.perf_counter() - begun)


def _keep_to_cores(number: int) -> None:
    machine.keep_to_cores(number)
    tf.config.threading.set_intra_op_parallelism_threads(number)
