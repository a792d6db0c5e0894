"""The zoo's `vae` under the steps and the input pipeline of `trainers`."""

from __future__ import annotations

import dataclasses
import itertools
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.images import SHAPE, sources
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.options.run import RunConfig
from trainers.training import loop, optimizers, steps
from trainers.training.checkpoints import Checkpoints
from zoo import randomness, registry
from zoo.model import ZooModel

__all__ = ["Reference", "TensorFlowSteps", "dataset"]

# Size of the random numbers added to all weights: blocks that start as the identity, and biases
# that start at zero, would not show whether two networks are the same.
_JITTER = 0.02


@dataclasses.dataclass(frozen=True)
class Reference:
    """A few steps of training, to compare with.

    Attributes:
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient.
        weights: Initial values of the trainable weights, in Keras's order and layout.
        images: Batches, (steps, batch, height, width, bands).
        noise: Standard-normal numbers that draw the latents, (steps, batch, latent_dim).
        losses: Before each step, (steps,).
        gradient_norms: Before clipping, (steps,).
    """

    learning_rate: float
    clip_norm: float
    weights: list[np.ndarray]
    images: np.ndarray
    noise: np.ndarray
    losses: np.ndarray
    gradient_norms: np.ndarray


def dataset(number: int) -> InMemoryDataset:
    """Returns `number` training images in memory."""
    spec = DatasetSpec("benchmark", SHAPE, tuple("ugriz"), None, "flux", (), None)
    return InMemoryDataset(spec, {"train": {"image": sources(number)}})


class TensorFlowSteps:
    """Training steps as `trainers.training.loop` does them.

    Args:
        number: Training images.
        batch_size: Images in a batch.
        learning_rate: Of Adam.
        clip_norm: Largest global norm of the gradient; None for no limit.
    """

    def __init__(
        self,
        number: int,
        batch_size: int,
        learning_rate: float = 1e-3,
        clip_norm: float | None = None,
    ):
        # PyTorch beside it has a build for CPUs alone.
        tf.config.set_visible_devices([], "GPU")
        self.dataset = dataset(number)
        self.batch_size = batch_size
        self.strategy = tf.distribute.get_strategy()
        self.batches: dict[str, Iterator] = {}
        self.steps: dict[str, steps.ReplicatedStep] = {}
        for name, jit in (("graph", False), ("XLA", True)):
            model = _model(learning_rate, clip_norm)
            self.batches[name] = self._endless()
            self.steps[name] = steps.ReplicatedStep(model.train_step, self.strategy, jit)

    def threads(self) -> int:
        """Returns the number of threads that a kernel may use."""
        # Zero leaves the choice to TensorFlow, which takes every core that it may use.
        chosen = tf.config.threading.get_intra_op_parallelism_threads()
        return chosen or len(os.sched_getaffinity(0))

    def parameters(self) -> int:
        """Returns the number of trainable parameters."""
        return sum(int(np.prod(v.shape)) for v in _model().trainable_variables)

    def reference(self, number: int, learning_rate: float, clip_norm: float) -> Reference:
        """Returns a few steps of a model with jittered weights.

        Args:
            number: Steps.
            learning_rate: Of Adam.
            clip_norm: Largest global norm of the gradient.
        """
        random = np.random.default_rng(0)
        model = _model(learning_rate, clip_norm)
        for variable in model.trainable_variables:
            variable.assign_add(_JITTER * random.standard_normal(variable.shape, np.float32))
        weights = [variable.numpy() for variable in model.trainable_variables]
        step = steps.ReplicatedStep(model.train_step, self.strategy, jit=False)
        batches = self._endless()
        images, noise, terms = [], [], []
        for index in range(number):
            batch = next(batches)
            seeds = randomness.step_seed(model.seed, tf.constant(index))
            noise.append(randomness.normal(self.batch_size, (model.latent_dim,), seeds).numpy())
            images.append(batch["image"].numpy())
            values = step(batch).numpy()
            terms.append(dict(zip(step.names, values, strict=True)))
        return Reference(
            learning_rate,
            clip_norm,
            weights,
            np.stack(images),
            np.stack(noise),
            np.array([values["loss"] for values in terms]),
            np.array([values["gradient_norm"] for values in terms]),
        )

    def speed(self, name: str, number: int) -> float:
        """Returns images/s over `number` steps, the waits for their batches included.

        Args:
            name: "graph" or "XLA".
            number: Steps.
        """
        step, batches = self.steps[name], self.batches[name]
        begun = time.perf_counter()
        terms = [step(next(batches)) for _ in range(number)]
        terms[-1].numpy()
        return number * self.batch_size / (time.perf_counter() - begun)

    def supply(self) -> float:
        """Returns images/s of one epoch of batches that nobody uses."""
        begun = time.perf_counter()
        number = sum(1 for _ in self._epoch(0))
        return number * self.batch_size / (time.perf_counter() - begun)

    def waits(self, epochs: int) -> list[float]:
        """Returns, for each epoch of the training loop, the fraction of it spent waiting."""
        config = RunConfig(model="vae", epochs=epochs, batch_size=self.batch_size)
        with tempfile.TemporaryDirectory() as folder:
            model = registry.create("vae", image_shape=SHAPE)
            checkpoints = Checkpoints(Path(folder))
            progress = loop.fit(model, self.dataset, config, checkpoints, self.strategy)
        return [row["data_wait_fraction"] for row in progress.history]

    def _endless(self) -> Iterator:
        for epoch in itertools.count():
            yield from self._epoch(epoch)

    def _epoch(self, epoch: int) -> Iterable:
        def share(shard: tuple[int, int]) -> tf.data.Dataset:
            return self.dataset.batches(
                "train",
                self.batch_size,
                shuffle_seed=0,
                epoch=epoch,
                drop_remainder=True,
                shard=shard,
            )

        return steps.distribute(self.strategy, share, self.batch_size)


def _model(learning_rate: float = 1e-3, clip_norm: float | None = None) -> ZooModel:
    model = registry.create("vae", image_shape=SHAPE)
    config = RunConfig(model="vae", learning_rate=learning_rate)
    optimizer = optimizers.make(config, 1, model.trainable_variables)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, gradient_clip_norm=clip_norm)
    return model
