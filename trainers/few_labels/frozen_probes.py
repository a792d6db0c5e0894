"""Scikit-learn classifiers on the features of a frozen network, for few labels."""

from __future__ import annotations

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainers.evaluators.statistics.task_probe import fit_forest

__all__ = ["STRENGTHS", "forest", "logistic"]

STRENGTHS = tuple(10.0**power for power in range(-4, 3))
"""Candidates for the inverse strength of the ridge penalty, scikit-learn's C."""

# Probability of a class without training objects.
_LEAST = 1e-3


def logistic(
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    seed: int,
) -> ClassifierMixin:
    """Returns a ridge logistic regression on standardised features.

    The penalty with the highest likelihood of the validation objects is used for a fit to both.
    If all objects are of one class, the prediction is that class.

    Args:
        features: (number, features).
        labels: (number,) integers.
        train: Rows to train with.
        validation: Rows for the choice of the penalty.
        seed: Unused; the problem is convex.
    """

    def fit(strength: float, rows: np.ndarray) -> ClassifierMixin:
        if _is_one_class(labels[rows]):
            return DummyClassifier().fit(features[rows], labels[rows])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))
        return model.fit(features[rows], labels[rows])

    scores = [
        _log_likelihood(fit(strength, train), features[validation], labels[validation])
        for strength in STRENGTHS
    ]
    return fit(STRENGTHS[int(np.argmax(scores))], np.concatenate([train, validation]))


def forest(
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    seed: int,
) -> ClassifierMixin:
    """Returns the random forest of the evaluators, fitted to all rows; see `logistic`."""
    rows = np.concatenate([train, validation])
    if _is_one_class(labels[rows]):
        return DummyClassifier().fit(features[rows], labels[rows])
    return fit_forest(features[rows], labels[rows], seed=seed)


def _is_one_class(labels: np.ndarray) -> bool:
    return len(np.unique(labels)) == 1


def _log_likelihood(model: ClassifierMixin, features: np.ndarray, labels: np.ndarray) -> float:
    probability = model.predict_proba(features)
    own = [np.flatnonzero(model.classes_ == label) for label in labels]
    likely = [
        row[place[0]] if len(place) else 0 for row, place in zip(probability, own, strict=True)
    ]
    return float(np.mean(np.log(np.maximum(likely, _LEAST))))
