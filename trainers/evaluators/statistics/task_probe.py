"""Random forests on latents, for each of the classification tasks of a dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from trainers.datasets.dataset import DatasetSpec
from trainers.evaluators.statistics.published_tasks import PUBLISHED, PublishedTask

__all__ = [
    "FEW_TREES",
    "TREES",
    "TaskResult",
    "TaskScore",
    "fit_forest",
    "probe_task",
    "score_forest",
    "task_labels_of",
]

TREES = 300
# Those of the published probe of a galaxy-morphology VAE, arXiv 2303.08627.
FEW_TREES = 5


@dataclasses.dataclass(frozen=True)
class TaskScore:
    """True and predicted labels of the objects that have one.

    Attributes:
        truth: (number,) labels.
        predicted: (number,) labels of the classifier.
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

    @property
    def balanced_accuracy_error(self) -> float:
        """Standard error of the balanced accuracy, from the binomial ones of the K classes.

        sqrt(sum_k r_k (1 - r_k) / n_k) / K,    r_k the share right of the n_k objects of class k
        """
        own = [self.correct[self.truth == label] for label in np.unique(self.truth)]
        variance = [np.mean(right) * (1 - np.mean(right)) / len(right) for right in own]
        return float(np.sqrt(np.sum(variance)) / len(own))


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """Scores of the forests of one task.

    Attributes:
        name: Of the task.
        classes: Names of its classes.
        train: The large forest on its training objects.
        test: The large forest on the others.
        few_train: The forest of five trees on its training objects.
        few_test: The forest of five trees on the others.
        importance: (dimension,) mean decrease of impurity by each latent, of sum 1.
        importance_spread: (dimension,) standard deviation over the trees.
    """

    name: str
    classes: tuple[str, ...]
    train: TaskScore
    test: TaskScore
    few_train: TaskScore
    few_test: TaskScore
    importance: np.ndarray
    importance_spread: np.ndarray

    @property
    def title(self) -> str:
        """Name in words."""
        return self.name.replace("_", " ")

    @property
    def majority(self) -> float:
        """Share of the largest class among the test objects."""
        return float(np.bincount(self.test.truth).max() / len(self.test.truth))

    @property
    def matrix(self) -> np.ndarray:
        """Confusion matrix of the large forest, rows are true classes."""
        names = range(len(self.classes))
        return confusion_matrix(self.test.truth, self.test.predicted, labels=names)

    @property
    def published(self) -> PublishedTask | None:
        """Accuracies published for a task of this name and number of classes; None if none are."""
        task = PUBLISHED.get(self.name)
        return task if task and task.classes == len(self.classes) else None


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
    """Returns a forest with the classes weighted equally.

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
    """Returns the score of a forest on other objects; see `fit_forest` for the Args.

    Raises:
        ValueError: if none of the objects has a label.
    """
    labelled = labels >= 0
    if not labelled.any():
        raise ValueError("labels must have one object with a label at least; got none")
    return TaskScore(labels[labelled], forest.predict(latents[labelled]))


def probe_task(
    name: str,
    classes: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    seed: int = 0,
) -> TaskResult:
    """Trains the forests of a task and scores them.

    Args:
        name: Of the task.
        classes: Names of its classes.
        train: Latents (number, dimension) and labels (number,) of the training objects; those
            with a negative label are left out.
        test: The same of the test objects.
        seed: Seed of the forests.

    Raises:
        ValueError: if either has labels of fewer than two classes.
    """
    for part, (_, labels) in (("training", train), ("test", test)):
        present = np.unique(labels[labels >= 0])
        if len(present) < 2:
            names = ", ".join(classes[index] for index in present) or "no class"
            raise ValueError(f"the {part} objects have labels of {names} alone")
    forests = [fit_forest(*train, trees=trees, seed=seed) for trees in (TREES, FEW_TREES)]
    scores = [score_forest(forest, *part) for forest in forests for part in (train, test)]
    large = forests[0]
    spread = np.std([tree.feature_importances_ for tree in large.estimators_], axis=0)
    return TaskResult(name, classes, *scores, large.feature_importances_, spread)
