"""Transfer of classifications between surveys, in the latents of an encoder for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from tfds_builders.galaxy_zoo_decals.labels import CUTS, GZD5, GZD12, DecisionTree, task_labels
from trainers.datasets.dataset import DatasetSpec
from trainers.evaluators.statistics import ranking
from trainers.evaluators.statistics.task_probe import TREES, TaskScore, fit_forest, score_forest
from trainers.evaluators.statistics.task_probe import task_labels_of as own_labels
from zoo.distributions import mmd

__all__ = [
    "Survey",
    "TaskTransfer",
    "classes_of",
    "distance",
    "gain",
    "labels_of",
    "mean_of",
    "survey_auc",
    "task_transfer",
]

# Objects of each survey between which the discrepancy is computed (its kernels hold all pairs),
# and on which the classifier of surveys is trained.
_DISTANCE_OBJECTS = 2000
_SURVEY_OBJECTS = 2000
_RESAMPLES = 500


@dataclasses.dataclass(frozen=True)
class Survey:
    """One survey in the latents of one encoder.

    Attributes:
        latents: By split ("train" and "test"), (number, dimension).
        labels: By split, of each task (number,) integers, -1 for none.
    """

    latents: Mapping[str, np.ndarray]
    labels: Mapping[str, Mapping[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class TaskTransfer:
    """Scores of a task that is trained on the labels of the source.

    Attributes:
        trained_on: Number of labelled training objects of the source.
        target: Score on the target's test objects.
        source: Score on the source's test objects.
        bound: Score on the target of a forest trained on the target's own labels.
    """

    trained_on: int
    target: TaskScore
    source: TaskScore
    bound: TaskScore


def labels_of(
    arrays: Mapping[str, np.ndarray],
    spec: DatasetSpec,
    classes: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, np.ndarray]:
    """Returns the labels of each task; votes by the cuts of the published transfer.

    Args:
        arrays: Features of the objects.
        spec: Of their dataset.
        classes: By task, the classes in whose order the labels are: those of another survey, which
            may have them in another one. Objects of other classes have the label -1, and tasks
            without two of these classes are left out. None for the classes of `spec`.
    """
    tree = _tree_of(arrays, spec)
    if tree is None:
        labels = own_labels(arrays, spec)
    else:
        labels = task_labels(arrays["fractions"], tree, cuts="transfer")
    if classes is None:
        return labels
    own = classes_of(arrays, spec)
    common = [task for task in labels if len({*own[task]} & {*classes.get(task, ())}) > 1]
    return {task: _renumbered(labels[task], own[task], classes[task]) for task in common}


def classes_of(arrays: Mapping[str, np.ndarray], spec: DatasetSpec) -> dict[str, tuple[str, ...]]:
    """Returns the classes of each task of `labels_of`, in the order of its labels."""
    if _tree_of(arrays, spec) is not None:
        return {name: tuple(task.classes) for name, task in CUTS["transfer"].items()}
    if spec.tasks:
        return {name: tuple(classes) for name, classes in spec.tasks.items()}
    return {"label": tuple(spec.class_names)} if spec.class_names else {}


def _tree_of(arrays: Mapping[str, np.ndarray], spec: DatasetSpec) -> DecisionTree | None:
    """Returns the published tree whose questions the votes of a dataset answer."""
    asked = [(each["name"], tuple(each["answers"])) for each in spec.questions]
    for tree in (GZD5, GZD12):
        own = [(each.name, tuple(each.answers)) for each in tree.questions]
        if own == asked and "fractions" in arrays:
            return tree
    return None


def _renumbered(labels: np.ndarray, own: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    # The last place is that of the label -1.
    places = [wanted.index(name) if name in wanted else -1 for name in own]
    return np.array([*places, -1])[labels]


def task_transfer(
    source: Survey, target: Survey, task: str, *, trees: int = TREES, seed: int = 0
) -> TaskTransfer:
    """Returns the scores of a task before and after its transfer to the target.

    Raises:
        ValueError: if a survey has fewer than two classes to learn from, or none to judge with.
    """
    labels = source.labels["train"][task]
    forest = fit_forest(source.latents["train"], labels, trees=trees, seed=seed)
    own = fit_forest(target.latents["train"], target.labels["train"][task], trees=trees, seed=seed)
    return TaskTransfer(
        int((labels >= 0).sum()),
        _score(forest, target, task),
        _score(forest, source, task),
        _score(own, target, task),
    )


def _score(forest: RandomForestClassifier, survey: Survey, task: str) -> TaskScore:
    return score_forest(forest, survey.latents["test"], survey.labels["test"][task])


def gain(before: TaskScore, after: TaskScore) -> tuple[float, float]:
    """Returns the gain in accuracy and its standard error for the same objects (paired)."""
    difference = after.correct.astype(float) - before.correct
    return float(difference.mean()), float(difference.std() / np.sqrt(len(difference)))


def mean_of(values: list[tuple[float, float]]) -> tuple[float, float]:
    """Returns the mean of numbers with independent errors, and its error."""
    numbers, errors = np.array(values).T
    return float(numbers.mean()), float(np.sqrt((errors**2).sum()) / len(errors))


def distance(source: Survey, target: Survey) -> dict[str, float]:
    """Returns measures of distance between the test objects of two surveys.

    Returns:
        `mmd`: unbiased estimate of MMD^2 with the median bandwidth, which no scale of the latents
        changes; `mmd_within`: the same between two halves of the source, which is near zero;
        `mean_shift`: distance of the means over the typical size of the source's latents.
    """
    x, y = source.latents["test"], target.latents["test"]
    x, y = x[:_DISTANCE_OBJECTS], y[:_DISTANCE_OBJECTS]
    size = np.sqrt(np.mean(np.var(x, axis=0)))
    # Not the same objects on both sides: the estimate takes the two samples for independent.
    halves = x[::2], x[1::2]
    others = y[1::2]
    options = {"bandwidth": "median", "unbiased": True}
    return {
        "mmd": float(mmd(_single(halves[0]), _single(others), **options)),
        "mmd_within": float(mmd(_single(halves[0]), _single(halves[1]), **options)),
        "mean_shift": float(np.linalg.norm(x.mean(axis=0) - y.mean(axis=0)) / size),
    }


def _single(points: np.ndarray) -> np.ndarray:
    return points.astype(np.float32)


def survey_auc(source: Survey, target: Survey, seed: int) -> ranking.Interval:
    """Returns the AUC of a forest that predicts the survey of a galaxy from its latents.

    It is trained on training objects and tested on test objects; 0.5 for indistinguishable surveys.
    """
    both, sides = {}, {}
    for split in ("train", "test"):
        parts = [each.latents[split][:_SURVEY_OBJECTS] for each in (source, target)]
        both[split] = np.concatenate(parts)
        sides[split] = np.repeat([0, 1], [len(part) for part in parts])
    forest = fit_forest(both["train"], sides["train"], seed=seed)
    score = forest.predict_proba(both["test"])[:, 1]
    counts = ranking.resample_counts(sides["test"], np.random.default_rng(seed), _RESAMPLES)
    return ranking.auc(sides["test"] == 1, score, counts)
