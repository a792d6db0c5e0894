"""The random forest on latents that judges one task of several which a dataset may have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score

from trainers.datasets.dataset import DatasetSpec

__all__ = ["FEW_TREES", "TREES", "TaskScore", "fit_forest", "score_forest", "task_labels_of"]

TREES = 300
# Those of the published probe of a galaxy-morphology VAE, arXiv 2303.08627.
FEW_TREES = 5


@dataclasses.dataclass(frozen=True)
class TaskScore:
    """How a classifier did on the objects that have a label.

    Attributes:
        truth: (number,) labels.
        predicted: (number,) labels that the classifier gave.
    """

    truth: np.ndarray
    predicted: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """(number,) bool, whether the classifier was right."""
        return self.truth == self.predicted

    @property
    def accuracy(self) -> float:
        """Share of the objects for which it was right."""
        return float(np.mean(self.correct))

    @property
    def balanced_accuracy(self) -> float:
        """Mean over the classes of the share of their objects for which it was right."""
        return float(balanced_accuracy_score(self.truth, self.predicted))

    @property
    def accuracy_error(self) -> float:
        """Binomial standard error of the accuracy."""
        return float(np.sqrt(self.accuracy * (1 - self.accuracy) / len(self.truth)))


def task_labels_of(arrays: Mapping[str, np.ndarray], spec: DatasetSpec) -> dict[str, np.ndarray]:
    """Returns the labels of each task, (number,) integers, -1 for an object that has none.

    Args:
        arrays: Features of the objects.
        spec: Of their dataset. One without tasks has its own classes as the task "label".
    """
    if spec.tasks:
        return {name: np.asarray(arrays[f"label_{name}"]) for name in spec.tasks}
    return {"label": np.asarray(arrays["label"])} if spec.class_names else {}


def fit_forest(
    latents: np.ndarray, labels: np.ndarray, *, trees: int = TREES, seed: int = 0
) -> RandomForestClassifier:
    """Returns a forest with the classes weighed equally.

    Args:
        latents: (number, dimension).
        labels: (number,) integers; objects of which it is negative are left out.
        trees: Number of trees. Default 300.
        seed: Seed of the forest.

    Raises:
        ValueError: if there are not two classes at least.

    References:
        Breiman 2001 (Machine Learning 45, 5); arXiv 2303.08627 for latents of galaxies.
    """
    labelled = labels >= 0
    if len(np.unique(labels[labelled])) < 2:
        raise ValueError(
            f"labels must have two classes at least; got {np.unique(labels[labelled]).tolist()}"
        )
    forest = RandomForestClassifier(trees, class_weight="balanced", random_state=seed, n_jobs=-1)
    return forest.fit(latents[labelled], labels[labelled])


def score_forest(
    forest: RandomForestClassifier, latents: np.ndarray, labels: np.ndarray
) -> TaskScore:
    """Returns how a forest does on other objects; see `fit_forest` for the Args.

    Raises:
        ValueError: if none of the objects has a label.
    """
    labelled = labels >= 0
    if not labelled.any():
        raise ValueError("labels must have one object with a label at least; got none")
    return TaskScore(labels[labelled], forest.predict(latents[labelled]))
