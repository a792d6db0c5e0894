"""The zoo's models under the training step of `trainers`, and their objectives as graphs."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from benchmarks import matrix_product
from benchmarks.images import sources
from benchmarks.translation.cost import training_flop
from benchmarks.translation.from_tensorflow import Translator
from benchmarks.translation.graph import Graph, Problem
from trainers import recipes
from trainers.options.run import RunConfig
from trainers.training import optimizers, steps
from zoo import randomness, registry
from zoo.layers.batch_normalization import GlobalBatchNormalization
from zoo.model import ZooModel
from zoo.preprocessing import border

__all__ = ["ZooSteps", "a_batch", "made", "translated"]

_BATCHES = 4
# As in `vae_tensorflow`.
_JITTER = 0.02
_VOLUNTEERS = 40


class ZooSteps:
    """Training steps of one model after the other, at the settings of its default recipe.

    Images are not turned at random, for PyTorch's users leave that to their data loaders.

    Args:
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        size: Rows and columns of the matrices of `product_rate`.
        alone: Whether one thread works and its processor time counts, of which others on the
            machine take nothing; else all cores, by the clock.
    """

    def __init__(self, learning_rate: float, clip_norm: float, size: int, alone: bool = False):
        tf.config.set_visible_devices([], "GPU")
        if alone:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        self._time = time.process_time if alone else time.perf_counter
        self._settings = learning_rate, clip_norm
        first, second = map(tf.constant, matrix_product.factors(size))
        self._product = tf.function(lambda: tf.matmul(first, second))
        self._product_flop = matrix_product.operations(size)
        self._step: steps.ReplicatedStep | None = None
        self._batches: Iterator[dict[str, tf.Tensor]] = iter(())
        self._batch_size = 0

    def prepare(self, name: str) -> Problem:
        """Makes a model ready for `speed`.

        Args:
            name: Registry key.
        """
        keras.backend.clear_session()
        model, self._batch_size = made(name)
        batches = [a_batch(model, self._batch_size, seed) for seed in range(_BATCHES)]
        model.adapt(batches[0]["image"])
        _jitter(model)
        problem = _problem(model, batches)
        learning_rate, clip_norm = self._settings
        config = RunConfig(model=name, learning_rate=learning_rate)
        optimizer = optimizers.make(config, 1, model.trainable_variables)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer, gradient_clip_norm=clip_norm)
        tensors = [{key: tf.constant(value) for key, value in each.items()} for each in batches]
        self._batches = itertools.cycle(tensors)
        self._step = steps.ReplicatedStep(model.train_step, tf.distribute.get_strategy(), jit=False)
        return problem

    def speed(self, number: int) -> float:
        """Returns images/s of the model that was prepared, from batches in memory.

        Args:
            number: Steps.
        """
        begun = self._time()
        for _ in range(number):
            terms = self._step(next(self._batches))
        terms.numpy()
        return number * self._batch_size / (self._time() - begun)

    def product_rate(self, number: int) -> float:
        """Returns GFLOP/s of TensorFlow's product of large matrices.

        Args:
            number: Products.
        """
        begun = self._time()
        for _ in range(number):
            product = self._product()
        product[0, 0].numpy()
        return number * self._product_flop / (self._time() - begun) / 1e9


def made(name: str) -> tuple[ZooModel, int]:
    """Returns a model with the settings of its default recipe, and its batch size.

    Args:
        name: Registry key.
    """
    settings = recipes.get(name).settings("")
    hyperparameters = {**settings.get("hyperparameters", {}), "augment": False}
    return registry.create(name, **hyperparameters), settings["batch_size"]


def a_batch(model: ZooModel, size: int, seed: int) -> dict[str, np.ndarray]:
    """Returns a batch of random images, as the trainers have it.

    Args:
        model: The model.
        size: Number of images.
        seed: Of the images.
    """
    random = np.random.default_rng(seed)
    batch = {"image": sources(size, seed, model.image_shape)}
    if model.task == "classification":
        batch["label"] = random.integers(0, len(model.class_names), size).astype(np.int32)
    if "votes" in model.targets:
        answers = len(model.tree.answers)
        votes = random.multinomial(_VOLUNTEERS, np.full(answers, 1 / answers), size)
        batch["votes"] = votes.astype(np.float32)
    return batch


def _jitter(model: ZooModel) -> None:
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(_JITTER * random.standard_normal(variable.shape, np.float32))


def _problem(model: ZooModel, batches: list[dict[str, np.ndarray]]) -> Problem:
    loss, first = _loss(model, batches[0])
    graph = translated(model, batches[0])
    value, gradients = _differentiated(loss, first, model)
    return Problem(
        model.registry_name,
        len(batches[0]["image"]),
        model.image_shape,
        sum(variable.numpy().size for variable in model.trainable_variables),
        graph,
        training_flop(graph),
        [variable.numpy() for variable in model.variables],
        batches,
        value,
        gradients,
    )


def _loss(
    model: ZooModel, batch: dict[str, np.ndarray]
) -> tuple[Callable[..., tf.Tensor], list[tf.Tensor]]:
    """Returns the mean loss as a function of the tensors of a batch, and these tensors."""
    names = sorted(batch)

    def loss(*values: tf.Tensor) -> tf.Tensor:
        seed = randomness.step_seed(model.seed, tf.constant(0))
        terms = model.objective(dict(zip(names, values, strict=True)), seed, training=True)
        return tf.reduce_mean(terms["loss"])

    return loss, [tf.constant(batch[name]) for name in names]


def translated(model: ZooModel, batch: dict[str, np.ndarray]) -> Graph:
    """Returns the loss of a batch as a graph.

    Args:
        model: The model.
        batch: A batch, as the trainers have it.
    """
    loss, tensors = _loss(model, batch)
    specs = [
        tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in zip(sorted(batch), tensors, strict=True)
    ]
    with _peers() as peers:
        function = tf.function(loss).get_concrete_function(*specs)
    learnt = [id(variable) for variable in model.trainable_variables]
    return Translator(
        function,
        [variable.value for variable in model.variables],
        [id(variable) in learnt for variable in model.variables],
        peers,
    ).graph


def _differentiated(
    loss: Callable[..., tf.Tensor], values: list[tf.Tensor], model: ZooModel
) -> tuple[float, dict[int, np.ndarray]]:
    """Returns the loss and its gradients, by number among all variables of the model."""
    numbers = {id(variable): number for number, variable in enumerate(model.variables)}
    learnt = model.trainable_variables

    @tf.function
    def evaluate():
        with tf.GradientTape() as tape:
            value = loss(*values)
        return value, tape.gradient(value, [variable.value for variable in learnt])

    value, gradients = evaluate()
    found = {
        numbers[id(variable)]: gradient.numpy()
        for variable, gradient in zip(learnt, gradients, strict=True)
        if gradient is not None
    }
    return float(value), found


@contextlib.contextmanager
def _peers() -> Iterator[tuple[str, ...]]:
    """Leaves whole what PyTorch has an operation of its own for; yields the names."""

    @tf.function
    def ranked(values, rank):
        return values[..., :1]

    @tf.function
    def batch_normalization(x, scale, offset, epsilon):
        return tf.identity(x)

    whole = GlobalBatchNormalization.call

    def call(layer, x, training=None, mask=None):
        if not training:
            return whole(layer, x, training=training, mask=mask)
        return batch_normalization(
            x, layer.gamma.value, layer.beta.value, tf.constant(layer.epsilon)
        )

    with (
        mock.patch.object(
            border, "_ranked", lambda values, rank: ranked(values, tf.constant(rank))
        ),
        mock.patch.object(GlobalBatchNormalization, "call", call),
    ):
        yield ("ranked", "batch_normalization")
