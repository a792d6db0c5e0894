"""Batches from memory beside the training steps of `vae` that take them.

    python -m benchmarks.input_pipeline

Supply is what the input pipeline delivers when nothing else runs, demand what the training
steps take from it; then a few epochs of `trainers.training.loop` say for what fraction of their
time they waited.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import command, machine, rounds, table
from benchmarks.images import SHAPE, sources
from benchmarks.workers import Worker

__all__ = ["Pipeline", "main", "rows"]

_MODEL = "vae"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow",), arguments)


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the row of the one table; of fewer rounds if it must be quick."""
    yield from _measured(_parser().parse_args(["--rounds", "3" if quick else "6", "--epochs", "2"]))


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    arguments = (options.images, options.batch_size)
    with Worker("benchmarks.input_pipeline", "Pipeline", *arguments) as worker:
        worker.call("demand", 3)
        measured, quiet = rounds.take_turns(
            {
                "pipeline alone": functools.partial(worker.call, "supply"),
                "training steps": functools.partial(worker.call, "demand", options.steps),
            },
            options.rounds,
            machine.bystanders(worker),
            60.0,
        )
        waits = worker.call("waits", options.epochs)
    yield table.compared(
        f"images of 64x64x5 from memory, batch {options.batch_size}",
        "images/s",
        measured,
        ("pipeline alone", "training steps"),
        f"training steps of {_MODEL} that take them",
        f"{np.median(waits):.1%} of an epoch spent waiting; {quiet}",
    )


class Pipeline:
    """Batches from memory, the training steps that take them, and the loop of both.

    Args:
        number: Training images.
        batch_size: Images in a batch.
    """

    def __init__(self, number: int, batch_size: int):
        import tensorflow as tf

        import zoo
        from trainers.datasets.dataset import DatasetSpec
        from trainers.datasets.in_memory import InMemoryDataset
        from trainers.options.run import RunConfig
        from trainers.training import optimizer_factory, steps

        spec = DatasetSpec("benchmark", SHAPE, tuple("ugriz"), None, "flux", (), None)
        self._dataset = InMemoryDataset(spec, {"train": {"image": sources(number)}})
        self._batch_size = batch_size
        self._strategy = tf.distribute.get_strategy()
        model = zoo.create(_MODEL, image_shape=SHAPE)
        optimizer = optimizer_factory.make(RunConfig(model=_MODEL), 1, model.trainable_variables)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer)
        self._step = steps.ReplicatedStep(model.train_step, self._strategy, jit=False)
        epochs = map(self._epoch, itertools.count())
        self._batches = itertools.chain.from_iterable(epochs)

    def supply(self) -> float:
        """Returns images/s of one epoch of batches that nobody uses."""
        begun = time.perf_counter()
        number = sum(1 for _ in self._epoch(0))
        return number * self._batch_size / (time.perf_counter() - begun)

    def demand(self, number: int) -> float:
        """Returns images/s over so many steps, the waits for their batches included."""
        begun = time.perf_counter()
        for _ in range(number):
            terms = self._step(next(self._batches))
        terms.numpy()
        return number * self._batch_size / (time.perf_counter() - begun)

    def waits(self, epochs: int) -> list[float]:
        """Returns, for each epoch of the training loop, the fraction of it spent waiting."""
        import zoo
        from trainers.options.run import RunConfig
        from trainers.training import loop
        from trainers.training.checkpoints import Checkpoints

        config = RunConfig(model=_MODEL, epochs=epochs, batch_size=self._batch_size)
        with tempfile.TemporaryDirectory() as folder:
            model = zoo.create(_MODEL, image_shape=SHAPE)
            checkpoints = Checkpoints(Path(folder))
            progress = loop.fit(model, self._dataset, config, checkpoints, self._strategy)
        return [row["data_wait_fraction"] for row in progress.history]

    def _epoch(self, epoch: int) -> Iterable:
        from trainers.training import steps

        def share(shard: tuple[int, int]):
            return self._dataset.batches(
                "train",
                self._batch_size,
                shuffle_seed=0,
                epoch=epoch,
                drop_remainder=True,
                shard=shard,
            )

        return steps.distribute(self._strategy, share, self._batch_size)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("input_pipeline", __doc__, rounds=8)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=10, help="training steps of each round")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of the training loop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
