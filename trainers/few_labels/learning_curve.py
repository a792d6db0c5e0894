"""Learning curve of a trained encoder: frozen, fine-tuned, and trained from scratch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.evaluators.statistics.task_probe import TaskScore
from trainers.few_labels import frozen_probes
from trainers.few_labels.frozen_features import frozen_features
from trainers.few_labels.label_experiment import LabelExperiment
from trainers.few_labels.label_options import Cell
from trainers.few_labels.label_subsets import held_out, stratified_order
from trainers.few_labels.learning_curve_options import METHODS, Options
from trainers.prediction import inference

__all__ = ["LearningCurve"]

_PROBES = {"logistic": frozen_probes.logistic, "forest": frozen_probes.forest}


class LearningCurve(LabelExperiment):
    """Accuracy of classifiers on the features of an encoder."""

    name = "learning_curve"
    measures: ClassVar[Mapping[str, str]] = {
        "accuracy": "Accuracy",
        "balanced_accuracy": "Balanced accuracy",
    }
    most_labels = "`labels`"
    caption = "Accuracy and balanced accuracy on the test split against the number of labels"

    def __init__(self, options: Options):
        super().__init__(options)
        tested = self.subsets.tested
        self.titles = {method: METHODS[method] for method in options.methods}
        self.title = f"Accuracy against labels, {options.run.data_name}"
        self.facts = {
            "encoder": options.encoders,
            "dataset": options.run.data_name,
            "classes": ", ".join(self.subsets.spec.class_names),
        }
        self.text = (
            "A classifier saw exactly the stated number of labels: a fifth of them chose the "
            "epoch of a network or the ridge penalty of the logistic regression. The classes "
            "have the shares that they have in the data; of one repeat, the larger samples "
            "hold the smaller ones. Networks had at least "
            f"{options.min_steps} steps. The test split was used for the scores alone; its "
            f"{tested} objects, the same for all, give an accuracy a standard error of up to "
            f"{0.5 / np.sqrt(tested):.3f}, which the deviations over repeats do not include."
        )
        shares = np.bincount(self.subsets.test["label"]) / tested
        self.levels = {
            "accuracy": ("largest class", shares.max()),
            "balanced_accuracy": ("chance", 1 / np.count_nonzero(shares)),
        }
        self._features: dict[str, np.ndarray] = {}
        if set(options.methods) & set(_PROBES):
            subsets = self.subsets
            images = subsets.pool["image"], subsets.test["image"]
            features = frozen_features(options, subsets.spec, *images)
            self._features = dict(zip(("pool", "test"), features, strict=True))

    @staticmethod
    def check(spec: DatasetSpec) -> None:
        if not spec.class_names:
            raise UserError(f"dataset '{spec.name}' has no labels")

    def score(self, cell: Cell) -> dict[str, float]:
        options, labels = self.options, self.subsets.pool["label"]
        rows = stratified_order(labels, cell.repeat)[: cell.labels]
        aside = held_out(labels[rows])
        train, validation = rows[~aside], rows[aside]
        if cell.method in _PROBES:
            fit = _PROBES[cell.method]
            probe = fit(self._features["pool"], labels, train, validation, cell.repeat)
            return self._score(probe.predict(self._features["test"]))
        hp = {**options.run.hp, "encoder": options.source(), "training": cell.method}
        model, outcome = self.subsets.train(
            dataclasses.replace(options.run, hp=hp, seed=cell.repeat),
            options.output_dir / cell.folder / "run",
            train,
            validation,
            options.min_steps,
        )
        inputs = [self.subsets.test[name] for name in model.input_names]
        answers = inference.apply(inference.method_of(model, "call"), *inputs)
        score = self._score(answers["probability"].argmax(axis=-1))
        return score | {"best_epoch": outcome.metrics["training"]["best_epoch"]}

    def _score(self, predicted: np.ndarray) -> dict[str, float]:
        score = TaskScore(self.subsets.test["label"], predicted)
        return {name: getattr(score, name) for name in self.measures}
