"""Mean answers of the repeats of a run, and the spread among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.datasets.dataset import Dataset
from trainers.errors import UserError
from trainers.evaluators.context import EvaluationContext
from trainers.runs.run_folder import RunFolder, load_model

__all__ = ["Ensemble", "members", "predict"]


def members(folder: Path) -> list[Path]:
    """Returns the run folders in a folder of repeats, or the folder of the run itself.

    Args:
        folder: Folder of a run or of its repeats.

    Raises:
        UserError: if there is no finished run.
    """
    repeats = sorted(path for path in folder.glob("seed_*") if RunFolder(path).model.exists())
    if not repeats and not RunFolder(folder).model.exists():
        raise UserError(f"`runs` must be folders of finished runs or of repeats; got {folder}")
    return repeats or [folder]


@dataclasses.dataclass(frozen=True)
class Ensemble:
    """Answers of some networks for the same objects.

    Attributes:
        probability: (objects, classes), mean over the networks.
        spread: (objects,), standard deviation over the networks of the probability of the most
            probable class, 0 for a single one.
        number: Number of networks.
    """

    probability: np.ndarray
    spread: np.ndarray
    number: int

    @classmethod
    def of(cls, probabilities: Sequence[np.ndarray]) -> Ensemble:
        """Joins the answers of networks.

        Args:
            probabilities: (objects, classes) each.
        """
        every = np.stack(probabilities)
        mean = every.mean(axis=0)
        chosen = mean.argmax(axis=1)
        of_class = every[:, np.arange(len(mean)), chosen]
        return cls(mean, of_class.std(axis=0), len(every))

    def at(self, chosen: np.ndarray) -> Ensemble:
        """Returns the answers for some of the objects.

        Args:
            chosen: (objects,) bool.
        """
        return Ensemble(self.probability[chosen], self.spread[chosen], self.number)

    @property
    def predicted(self) -> np.ndarray:
        """Labels of the most probable classes, (objects,)."""
        return self.probability.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """Probabilities of these classes, (objects,)."""
        return self.probability.max(axis=1)


def predict(folder: Path, dataset: Dataset, split: str, output_dir: Path) -> Ensemble:
    """Returns the answers of a run, or of all its repeats.

    Args:
        folder: Folder of the run or of its repeats.
        dataset: The data, in memory.
        split: One of its splits, all objects of which are answered.
        output_dir: Folder of the report.

    Raises:
        UserError: if a model does not fit the data.
    """
    probabilities = []
    for path in members(folder):
        print(f"predicting with {path}", flush=True)
        number = dataset.num_examples[split]
        context = EvaluationContext(
            load_model(path), dataset, output_dir, split=split, max_objects=number
        )
        reason = context.lacks("probability")
        if reason:
            raise UserError(f"`runs` {path}: {reason}")
        probabilities.append(context.probability())
    return Ensemble.of(probabilities)
