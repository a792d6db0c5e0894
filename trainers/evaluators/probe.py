"""Supervised probes of the classes on frozen latents."""

from __future__ import annotations

import numpy as np
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.task_probe import FEW_TREES, TREES, TaskScore, fit_forest

__all__ = ["evaluate_probe"]


@register("probe", title="Probes of the latents", needs=("latents", "labels", "training_split"))
def evaluate_probe(context: EvaluationContext) -> Section:
    """Trains forests and a logistic regression on the latents of the training split.

    The model is frozen and saw no label if it is unsupervised; the probe alone sees the labels of
    the training split. Both forests weigh the classes equally; the one of five trees is that of
    the published galaxy-morphology VAE.

    References:
        arXiv:2303.08627 (random forest on the latents of a VAE).
    """
    seen, labels = context.latents("train"), np.asarray(context.arrays("train")["label"])
    unseen, truth = context.latents(), context.labels
    if len(np.unique(labels)) < 2 or len(np.unique(truth)) < 2:
        raise ValueError(
            f"splits 'train' and '{context.split}' must have objects of two classes at least each"
        )
    regression = LogisticRegression(class_weight="balanced", max_iter=1000)
    forests = [
        fit_forest(seen, labels, trees=trees, seed=context.seed) for trees in (TREES, FEW_TREES)
    ]
    probes = {
        "forest": (f"random forest, {TREES} trees", forests[0]),
        "small_forest": (f"random forest, {FEW_TREES} trees", forests[1]),
        "logistic": (
            "logistic regression",
            make_pipeline(StandardScaler(), regression).fit(seen, labels),
        ),
    }
    section, rows = Section(), []
    for key, (title, probe) in probes.items():
        score = TaskScore(truth, probe.predict(unseen))
        numbers = {
            "train_accuracy": probe.score(seen, labels),
            "accuracy": score.accuracy,
            "balanced_accuracy": score.balanced_accuracy,
            "auc": _auc(truth, probe.predict_proba(unseen), probe.classes_),
        }
        section.metrics |= {f"{key}_{name}": value for name, value in numbers.items()}
        rows.append([title, *(f"{value:.3f}" for value in numbers.values())])
    section.key_numbers["Accuracy of the random-forest probe"] = rows[0][2]
    section.text.append(
        f"Classifiers trained with the labels of {len(seen)} training objects on the frozen "
        f"latents, tested on {len(unseen)} objects of the {context.split} split: the information "
        "about the classes that the latents hold."
    )
    section.tables.append(
        Table(
            ["probe", "accuracy (train)", "accuracy", "balanced accuracy", "AUC"],
            rows,
            "Several classes: AUC is the mean of one against the rest.",
        )
    )
    section.figures.append(_figure(context, forests[0], unseen, truth))
    return section


def _auc(truth: np.ndarray, probability: np.ndarray, classes: np.ndarray) -> float:
    areas = [
        metrics.roc_auc_score(truth == value, probability[:, column])
        for column, value in enumerate(classes)
        if 0 < (truth == value).sum() < len(truth)
    ]
    return float(np.mean(areas))


def _figure(context, forest, unseen, truth):
    importance = forest.feature_importances_
    spread = np.std([tree.feature_importances_ for tree in forest.estimators_], axis=0)
    order = np.argsort(-importance)[:20]
    names = context.class_names
    figure, (left, right) = plot_style.new_figure(1, 2, width=4.9 + 0.2 * len(names), height=4.2)
    left.bar(
        range(len(order)),
        importance[order],
        yerr=spread[order],
        capsize=2,
        width=0.7,
        error_kw={"linewidth": 1, "ecolor": "0.35"},
    )
    left.set_xticks(range(len(order)), order)
    left.set(
        xlabel="Latent",
        ylabel="Importance (decrease of impurity)",
        title="Random forest",
        ylim=(0, None),
    )
    matrix = metrics.confusion_matrix(truth, forest.predict(unseen), labels=range(len(names)))
    draw_confusion(right, matrix, names)
    return context.save_figure(
        figure,
        "probe",
        "Left: most important latents of the forest, with the standard deviation over its trees. "
        "Right: its confusion matrix.",
    )
