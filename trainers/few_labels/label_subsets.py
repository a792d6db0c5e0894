"""Subsets of the labels of a dataset, as datasets for experiments over their number."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainers.datasets import fingerprints, loading
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.options.run import RunConfig

if TYPE_CHECKING:
    from trainers.runs.outcome import Outcome
    from zoo.model import ZooModel

__all__ = ["LabelSubsets", "held_out", "stratified_order"]

# One label of this many is kept for the choice of the epoch.
_FOLDS = 5


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Returns an order of objects of which every beginning has the classes in their shares.

    Of every class, the members have places at random in strata of equal width (systematic
    sampling); so a larger sample holds the smaller ones.

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
    """Returns which objects are for validation, (number,) bool: every fifth one of each class.

    Args:
        labels: (number,) integers, in an order of which the beginnings are samples; then the
            validation objects of a sample are those of a larger one too.
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
        stored: Them as they are stored: as "train", the training and validation splits one behind
            the other, and "test".
        spec: Of the images as models see them that are not trained on them: with the padding and
            the noise of the run, not augmented.
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
            dataset: As it is stored.
            config: The run, which adds padding, noise and augmentation.
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

        Of the run folder the model and the numbers stay; the rest would be as large again.

        Args:
            config: The run; its batches are made smaller where there are fewer objects.
            run_dir: Its folder.
            rows: Rows of the pool to train with.
            aside: Rows of the pool by which the epoch is chosen.
            min_steps: Fewest steps.

        Raises:
            TrainingError: if the training cannot go on.
        """
        import keras

        from trainers.distribution import strategy as strategies
        from trainers.runs import pipeline, run_folder

        config = dataclasses.replace(config, evaluators=[], run_dir=str(run_dir))
        config, dataset = self.dataset(config, rows, aside, min_steps)
        outcome = pipeline.execute(
            config, dataset, strategies.make("one", config.deterministic), exports=False
        )
        folder = run_folder.RunFolder(run_dir)
        for path in (folder.checkpoints, folder.tensorboard):
            shutil.rmtree(path, ignore_errors=True)
        # The graphs of one training after the other would fill the memory.
        keras.backend.clear_session()
        return run_folder.load_model(run_dir), outcome

    def dataset(
        self, config: RunConfig, rows: np.ndarray, aside: np.ndarray, min_steps: int
    ) -> tuple[RunConfig, Dataset]:
        """Returns a run on a few objects, and its data.

        A run on few objects is as long as one on many: they stand in the training split several
        times, so that all epochs together have `min_steps` steps. (More epochs in their place
        would be as many checks of a validation split that is hardly larger.) See `train` for the
        arguments.
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
        # The rows say as much as a hash of their images, which stand there several times.
        contents = {
            "train": f"{of_pool} {fingerprints.of_arrays({'rows': repeated})}",
            "validation": f"{of_pool} {fingerprints.of_arrays({'rows': aside})}",
            "test": self.stored.stored_content("test"),
        }
        chosen = InMemoryDataset(self.stored.spec, splits, stored_content=contents.__getitem__)
        return dataclasses.replace(config, batch_size=batch_size), loading.for_run(chosen, config)
