"""Redshifts and classes learnt from few labels, by simple methods on given numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainers.evaluators.statistics import dense_network

__all__ = ["DRAWS", "NEIGHBOURS", "NUMBERS", "by_number", "numbers", "predict"]

NUMBERS = (100, 1000)
"""Labels, beside all that there are."""

DRAWS = 5
"""Draws of so many labels, of whose scores the mean is taken."""

NEIGHBOURS = 20
"""Neighbours that are asked, weighted by their inverse distance."""

_TREES, _LEAF = 100, 3
_ALPHAS = np.logspace(-3, 3, 7)


def predict(
    method: str,
    train: np.ndarray,
    target: np.ndarray,
    test: np.ndarray,
    *,
    classes: bool,
    seed: int,
) -> np.ndarray:
    """Returns predictions for the rows of `test`.

    Args:
        method: "neighbours"; "linear", a ridge or logistic regression of standardised numbers;
            "forest"; or, of numbers alone, "network", see
            `trainers.evaluators.statistics.dense_network.predict`.
        train: (number, length).
        target: (number,), a number each, or labels; (number, several) numbers.
        test: (others, length).
        classes: Whether the targets are labels. Linear and forest weigh the classes equally.
        seed: Of the forest and the network.

    Raises:
        ValueError: if the network is to learn classes.
    """
    if method == "network":
        if classes:
            raise ValueError("method 'network' must have numbers as targets; got classes")
        return dense_network.predict(train, target, test, seed)
    if classes and len(np.unique(target)) == 1:
        return np.full(len(test), target[0])
    return _estimator(method, len(train), classes, seed).fit(train, target).predict(test)


def _estimator(method: str, number: int, classes: bool, seed: int):
    if method == "neighbours":
        kind = KNeighborsClassifier if classes else KNeighborsRegressor
        return kind(min(NEIGHBOURS, number), weights="distance")
    if method == "linear":
        last = (
            LogisticRegression(class_weight="balanced", max_iter=1000)
            if classes
            else RidgeCV(_ALPHAS)
        )
        return make_pipeline(StandardScaler(), last)
    options = {"min_samples_leaf": _LEAF, "random_state": seed, "n_jobs": -1}
    if classes:
        return RandomForestClassifier(_TREES, class_weight="balanced", **options)
    return RandomForestRegressor(_TREES, **options)


def numbers(objects: int) -> tuple[int, ...]:
    """Returns those of `NUMBERS` that are fewer than the objects."""
    return tuple(each for each in NUMBERS if each < objects)


def by_number(
    method: str,
    train: np.ndarray,
    target: np.ndarray,
    test: np.ndarray,
    score: Callable[[np.ndarray], Sequence[float]],
    generator: np.random.Generator,
    *,
    classes: bool,
    seed: int,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yields numbers of labels, all at last, the scores with them, and the last predictions.

    Args:
        method, train, target, test, classes, seed: As of `predict`.
        score: Returns the scores of predictions.
        generator: Draws the objects with labels.
    """
    for number in (*numbers(len(train)), len(train)):
        scores = []
        for _ in range(DRAWS if number < len(train) else 1):
            rows = generator.permutation(len(train))[:number]
            answer = predict(method, train[rows], target[rows], test, classes=classes, seed=seed)
            scores.append(score(answer))
        yield number, np.mean(scores, axis=0), answer
