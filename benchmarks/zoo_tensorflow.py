"""Training steps of the zoo's models, as `trainers` does them, from batches in memory."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from benchmarks import flop
from benchmarks.images import sources
from trainers import recipes
from trainers.options.run import RunConfig
from trainers.training import optimizer_factory, steps
from zoo import randomness, registry
from zoo.model import ZooModel

__all__ = ["Problem", "Reference", "ZooSteps", "a_batch", "made"]

_BATCHES = 4
_VOLUNTEERS = 40
# Size of the random numbers added to all weights: blocks that start as the identity, and biases
# that start at zero, would not show whether two networks are the same.
_JITTER = 0.02


@dataclasses.dataclass(frozen=True)
class Problem:
    """A training step, or an answer, that is ready to be timed.

    Attributes:
        image_shape: (height, width, bands).
        batch_size: Images in a batch.
        flop: Floating-point operations of the products and convolutions for a batch.
    """

    image_shape: tuple[int, int, int]
    batch_size: int
    flop: int


@dataclasses.dataclass(frozen=True)
class Reference:
    """A few steps of training, to compare another framework's with.

    Attributes:
        batches: Images and targets of each step.
        draws: Random numbers that each step drew, in their order.
        weights: Trainable weights before the first step, in Keras's order and layout.
        statistics: The other weights, those of the preprocessing, by name.
        losses: Before each step, (steps,).
        gradient_norms: Before clipping, (steps,).
    """

    batches: list[dict[str, np.ndarray]]
    draws: list[list[np.ndarray]]
    weights: list[np.ndarray]
    statistics: dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: np.ndarray


class ZooSteps:
    """Training steps of one model after the other.

    Images are not turned at random, for PyTorch's users leave that to their data loaders.

    Args:
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        alone: Whether one thread works and its processor time counts, of which others on the
            machine take nothing; else all cores, by the clock.
    """

    def __init__(self, learning_rate: float, clip_norm: float, alone: bool = False):
        # PyTorch beside it has a build for CPUs alone.
        tf.config.set_visible_devices([], "GPU")
        if alone:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        self._time = time.process_time if alone else time.perf_counter
        self._settings = learning_rate, clip_norm
        self._run: Callable[[], tf.Tensor] | None = None
        self._batch_size = 0

    def prepare(self, name: str, jit: bool = False) -> Problem:
        """Makes the steps of a model, compiled by XLA or not, ready for `speed`."""
        keras.backend.clear_session()
        model, batches = _trainable(name, *self._settings)
        tensors = [{key: tf.constant(value) for key, value in each.items()} for each in batches]
        endless = itertools.cycle(tensors)
        self._batch_size = len(batches[0]["image"])
        step_on_all = steps.ReplicatedStep(model.train_step, tf.distribute.get_strategy(), jit)
        self._run = lambda: step_on_all(next(endless))
        step = tf.function(model.train_step).get_concrete_function(tensors[0])
        return Problem(model.image_shape, self._batch_size, flop.of(step))

    def prepare_answers(self, name: str) -> Problem:
        """Makes the serving signature of a model ready for `speed`; arguments as of `prepare`."""
        keras.backend.clear_session()
        model, self._batch_size = made(name)
        images = tf.constant(sources(self._batch_size, 0, model.image_shape))
        signature = model.signatures()["serving_default"]
        answer = tf.function(signature.function, input_signature=signature.inputs)
        self._run = lambda: next(iter(answer(images).values()))
        one = tf.function(signature.function).get_concrete_function(images)
        return Problem(model.image_shape, self._batch_size, flop.of(one))

    def speed(self, number: int) -> float:
        """Returns images/s over so many steps, or batches that are answered."""
        begun = self._time()
        for _ in range(number):
            result = self._run()
        result.numpy()
        return number * self._batch_size / (self._time() - begun)

    def reference(self, name: str, learning_rate: float, clip_norm: float) -> Reference:
        """Returns a step on each batch, with a learning rate and a clip norm of its own."""
        model, batches = _trainable(name, learning_rate, clip_norm)
        weights = [variable.numpy() for variable in model.trainable_variables]
        statistics = {each.name: each.numpy() for each in model.non_trainable_variables}
        draws: list[list[np.ndarray]] = []
        own_rows = randomness._own_rows

        def recorded(*arguments):
            numbers = own_rows(*arguments)
            draws[-1].append(numbers.numpy())
            return numbers

        terms = []
        with mock.patch.object(randomness, "_own_rows", recorded):
            for batch in batches:
                draws.append([])
                terms.append(model.train_step(batch))
        return Reference(
            batches,
            draws,
            weights,
            statistics,
            np.array([each["loss"] for each in terms]),
            np.array([each["gradient_norm"] for each in terms]),
        )


def made(name: str) -> tuple[ZooModel, int]:
    """Returns a model with the defaults of its constructor, and the batch size of its recipe.

    Weights from elsewhere are left out: they do not change how long a step takes.
    """
    arguments = registry.describe(name).hyperparameters
    without = {"weights": "none"} if "weights" in arguments else {}
    settings = recipes.get(name).settings("")
    return registry.create(name, augment=False, **without), settings.get(
        "batch_size", RunConfig.batch_size
    )


def a_batch(model: ZooModel, size: int, seed: int) -> dict[str, np.ndarray]:
    """Returns a batch of random images, as the trainers have it."""
    random = np.random.default_rng(seed)
    batch = {"image": sources(size, seed, model.image_shape)}
    if model.task == "classification":
        batch["label"] = random.integers(0, len(model.class_names), size).astype(np.int32)
    if "votes" in model.targets:
        answers = len(model.tree.answers)
        votes = random.multinomial(_VOLUNTEERS, np.full(answers, 1 / answers), size)
        batch["votes"] = votes.astype(np.float32)
    return batch


def _trainable(
    name: str, learning_rate: float, clip_norm: float
) -> tuple[ZooModel, list[dict[str, np.ndarray]]]:
    """Returns a model with jittered weights and its optimiser, and its batches."""
    model, size = made(name)
    batches = [a_batch(model, size, seed) for seed in range(_BATCHES)]
    model.adapt(batches[0]["image"])
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(_JITTER * random.standard_normal(variable.shape, np.float32))
    config = RunConfig(model=name, learning_rate=learning_rate)
    optimizer = optimizer_factory.make(config, 1, model.trainable_variables)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, gradient_clip_norm=clip_norm)
    return model, batches
