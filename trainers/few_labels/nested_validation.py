"""Out-of-fold probabilities by nested cross-validation, and labels that contradict them."""

from __future__ import annotations

import numpy as np
import threadpoolctl
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainers.evaluators.statistics.task_probe import TREES
from trainers.few_labels.frozen_probes import STRENGTHS

__all__ = ["classifier", "likely_label_errors", "out_of_fold"]


def classifier(method: str, folds: int, seed: int, balanced: bool = False) -> ClassifierMixin:
    """Returns a classifier whose own settings are chosen by cross-validation when it is fitted.

    Args:
        method: "logistic", whose penalty is chosen by the likelihood, or "forest".
        folds: Inner folds.
        seed: Seed of the inner folds and of the forest.
        balanced: Whether classes have equal weights.
    """
    weight = "balanced" if balanced else None
    if method == "forest":
        return RandomForestClassifier(TREES, class_weight=weight, random_state=seed)
    inner = StratifiedKFold(folds, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight=weight, max_iter=2000))
    grid = {"logisticregression__C": STRENGTHS}
    return GridSearchCV(model, grid, scoring="neg_log_loss", cv=inner)


def out_of_fold(
    features: np.ndarray,
    labels: np.ndarray,
    method: str,
    folds: int,
    seed: int,
    balanced: bool = False,
) -> np.ndarray:
    """Returns the probability of each class for each object, (number, classes) float64.

    Each object's come from a classifier that saw neither it nor the rest of its fold, and whose
    settings were chosen without them.

    Args:
        features: (number, features).
        labels: (number,) integers from 0.
        method: See `classifier`.
        folds: Outer and inner folds, stratified.
        seed: Seed of the folds.
        balanced: Whether classes have equal weights.
    """
    outer = StratifiedKFold(folds, shuffle=True, random_state=seed)
    model = classifier(method, folds, seed, balanced)
    # Of matrices as small as these, threads would mostly wait for each other.
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return cross_val_predict(model, features, labels, cv=outer, method="predict_proba")


def likely_label_errors(labels: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Returns the objects whose label is likely an error, (number,) bool.

    Confident learning: the probability of another class is at least as high as it is, on average,
    for the objects that bear that class as their label; of several such classes the likeliest.

    Args:
        labels: (number,) integers from 0.
        probability: (number, classes), out of fold.

    References:
        Northcutt, Jiang and Chuang 2021 (JAIR 70, 1373), equation 1 and section 3.1.
    """
    own = probability[np.arange(len(labels)), labels]
    confidence = [own[labels == k].mean() for k in range(probability.shape[1])]
    confident = np.where(probability >= confidence, probability, -np.inf)
    return np.isfinite(confident).any(axis=1) & (confident.argmax(axis=1) != labels)
