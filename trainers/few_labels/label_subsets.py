"""Subsets of the labels of a dataset, as datasets for experiments over their number."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from trainers.datasets import content_hashes, loading
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.distribution import strategy as strategies
from trainers.options.run import RunConfig
from trainers.runs import pipeline, run_folder
from trainers.runs.outcome import Outcome
from zoo.model import ZooModel

__all__ = ["LabelSubsets", "held_out", "stratified_order"]

# One of this many labels is for validation.
_FOLDS = 5


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns an order of the objects in which each prefix is a stratified sample of the classes.

    The members of a class have random places in strata of equal width (systematic sampling), so
    that a larger sample contains the smaller ones.

    Args:
        labels: (number,) integers.
        seed: Seed of the order.
    """
    draws = np.random.default_rng(seed)
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = draws.permutation(np.flatnonzero(labels == label))
        place[members] = (np.arange(len(members)) + draws.random(len(members))) / len(members)
    return np.argsort(place, kind="stable")


def held_out(labels: np.ndarray) -> np.ndarray:
    """Returns a mask of the objects for validation, (number,) bool: every fifth of each class.

    Args:
        labels: (number,) integers, in the order of `stratified_order`: then the validation objects
            of a sample are also those of a larger one.
    """
    chosen = np.zeros(len(labels), bool)
    # The classes begin at different places, or a sample with few of each would have none.
    for first, label in enumerate(np.unique(labels)):
        members = np.flatnonzero(labels == label)
        chosen[members] = (np.arange(len(members)) + first) % _FOLDS == _FOLDS - 1
    if len(labels) > 1 and not chosen.any():
        chosen[-1] = True
    return chosen


@dataclasses.dataclass(frozen=True)
class LabelSubsets:
    """The pool of objects to label, and the test objects.

    Attributes:
        stored: The dataset as stored, with two splits: "train", the training and validation splits
            in one, and "test".
        spec: Specification of the images with the padding and noise of the run.
        pool: Features of "train", with these images.
        test: Features of "test", with these images.
    """

    stored: Dataset
    spec: DatasetSpec
    pool: Mapping[str, np.ndarray]
    test: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, dataset: Dataset, config: RunConfig) -> LabelSubsets:
        """Reads a dataset into memory.

        Args:
            dataset: The dataset as stored.
            config: The run, with its padding, noise and augmentation.
        """
        filled = [split for split in ("train", "validation") if dataset.num_examples.get(split)]
        parts = [dataset.arrays(split) for split in filled]
        pool = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        splits = {"train": pool, "test": dataset.arrays("test")}
        contents = {
            "train": " ".join(dataset.stored_content(split) for split in filled),
            "test": dataset.stored_content("test"),
        }
        stored = InMemoryDataset(dataset.spec, splits, stored_content=contents.__getitem__)
        seen = loading.with_noise(stored, config)
        return cls(stored, seen.spec, seen.arrays("train"), seen.arrays("test"))

    @property
    def size(self) -> int:
        """Number of objects in the pool."""
        return len(self.pool["image"])

    @property
    def tested(self) -> int:
        """Number of test objects."""
        return len(self.test["image"])

    def train(
        self,
        config: RunConfig,
        run_dir: Path,
        rows: np.ndarray,
        aside: np.ndarray,
        min_steps: int,
    ) -> tuple[ZooModel, Outcome]:
        """Trains a model on a few objects; returns it and the outcome.

        Checkpoints and TensorBoard events are deleted, to save disk space.

        Args:
            config: The run; batches are smaller where there are fewer objects.
            run_dir: Its folder.
            rows: Rows of the pool to train with.
            aside: Rows of the pool for validation, which chooses the epoch.
            min_steps: Fewest steps.

        Raises:
            TrainingError: if the training cannot go on.
        """
        config = dataclasses.replace(config, evaluators=[], run_dir=str(run_dir))
        config, dataset = self.dataset(config, rows, aside, min_steps)
        outcome = pipeline.execute(
            config, dataset, strategies.make("one", config.deterministic), exports=False
        )
        folder = run_folder.RunFolder(run_dir)
        for path in (folder.checkpoints, folder.tensorboard):
            shutil.rmtree(path, ignore_errors=True)
        # The graphs of all trainings would fill the memory.
        keras.backend.clear_session()
        return run_folder.load_model(run_dir), outcome

    def dataset(
        self, config: RunConfig, rows: np.ndarray, aside: np.ndarray, min_steps: int
    ) -> tuple[RunConfig, Dataset]:
        """Returns the configuration and the data of a run on a few objects; see `train`.

        Objects are repeated in the training split until all epochs together have `min_steps`
        steps. (More epochs instead would be as many validations on hardly more objects.)
        """
        batch_size = min(config.batch_size, len(rows))
        wanted = math.ceil(min_steps / config.epochs) * batch_size
        repeated = np.resize(rows, max(len(rows), wanted))
        pool = self.stored.arrays("train")
        splits = {
            "train": {name: values[repeated] for name, values in pool.items()},
            "validation": {name: values[aside] for name, values in pool.items()},
            "test": self.stored.arrays("test"),
        }
        of_pool = self.stored.stored_content("train")
        # A hash of the rows is cheaper than one of their images, many of which are repeated.
        contents = {
            "train": f"{of_pool} {content_hashes.of_arrays({'rows': repeated})}",
            "validation": f"{of_pool} {content_hashes.of_arrays({'rows': aside})}",
            "test": self.stored.stored_content("test"),
        }
        chosen = InMemoryDataset(self.stored.spec, splits, stored_content=contents.__getitem__)
        return dataclasses.replace(config, batch_size=batch_size), loading.for_run(chosen, config)
