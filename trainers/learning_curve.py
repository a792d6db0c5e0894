"""Accuracy against the number of labels: a trained encoder frozen, fine-tuned, and from scratch.

    python -m trainers.learning_curve --encoder runs/NAME
    python -m trainers.learning_curve --encoder runs/NAME --labels 50 200 800 --repeats 5 \\
        --dataset image_folder --data_dir FOLDER --hp crop=0.5

Options that are not listed here are those of `python -m trainers.run --model finetuned_classifier`,
whose recipe it takes. The same command goes on where it was stopped; more labels, repeats and
methods may be added.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.cli.exit_status import command
from trainers.errors import UserError
from trainers.few_labels.learning_curve_options import MODEL, Cell, Options, parse
from trainers.runs import experiment
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    import numpy as np

    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["main", "run"]

_FROZEN = ("logistic", "forest")


def run(arguments: Sequence[str]) -> Path:
    """Trains what is left to train; returns the path of the report.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if options, data, encoder or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = parse(arguments, __doc__)
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies
    from trainers.few_labels.label_subsets import LabelSubsets
    from trainers.runs import pipeline

    pipeline.check_model(options.run)
    with experiment.opened(options.output_dir, options.experiment()):
        # For what is computed outside of the trainings too.
        strategies.make("one", options.run.deterministic)
        dataset = loading.load_stored(options.run)
        if not dataset.spec.class_names:
            raise UserError(f"dataset '{dataset.spec.name}' has no labels")
        subsets = LabelSubsets.of(dataset, options.run)
        if options.labels[-1] > subsets.size:
            raise UserError(
                f"`labels` must be at most {subsets.size}, the objects of the training and "
                f"validation splits; got {options.labels[-1]}"
            )
        curve = _Curve(options, subsets)
        experiment.describe(options.output_dir, options.experiment(), {"dataset": dataset})
        return curve.run()


class _Curve:
    """Trainings and scores of all classifiers on shared data."""

    def __init__(self, options: Options, subsets: LabelSubsets):
        self._options, self._subsets = options, subsets
        self._features: dict[str, np.ndarray] = {}
        if set(options.methods) & set(_FROZEN):
            self._features = _frozen_features(options, subsets)

    def run(self) -> Path:
        from trainers.few_labels import learning_curve_report as report

        cells, scores, path = self._options.cells(), {}, None
        for number, cell in enumerate(cells, 1):
            file = self._options.output_dir / cell.folder / "score.json"
            if not file.exists():
                print(f"[{number}/{len(cells)}] {cell.folder}", flush=True)
                begun = time.monotonic()
                score = self._frozen(cell) if cell.method in _FROZEN else self._trained(cell)
                score["seconds"] = time.monotonic() - begun
                file.parent.mkdir(parents=True, exist_ok=True)
                write_json(file, score)
                print(f"  accuracy {score['accuracy']:.3f}", flush=True)
            scores[cell] = read_json(file)
            # Once for each number of labels, all methods being there.
            if cell.method == self._options.methods[-1]:
                path = report.write(self._options, self._subsets, scores)
        return path

    def _chosen(self, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
        """Returns rows of the pool to train with, and for the choice of the epoch."""
        from trainers.few_labels.label_subsets import held_out, stratified_order

        labels = self._subsets.pool["label"]
        rows = stratified_order(labels, cell.repeat)[: cell.labels]
        aside = held_out(labels[rows])
        return rows[~aside], rows[aside]

    def _frozen(self, cell: Cell) -> dict[str, float]:
        from trainers.few_labels import frozen_probes

        train, validation = self._chosen(cell)
        labels, latents = self._subsets.pool["label"], self._features["pool"]
        fit = frozen_probes.logistic if cell.method == "logistic" else frozen_probes.forest
        probe = fit(latents, labels, train, validation, cell.repeat)
        return self._score(probe.predict(self._features["test"]))

    def _trained(self, cell: Cell) -> dict[str, float]:
        from trainers.prediction import inference

        options = self._options
        hp = {**options.run.hp, "encoder": options.encoder, "training": cell.method}
        model, outcome = self._subsets.train(
            dataclasses.replace(options.run, hp=hp, seed=cell.repeat),
            options.output_dir / cell.folder / "run",
            *self._chosen(cell),
            options.min_steps,
        )
        answers = inference.apply(model, self._subsets.test["image"])
        score = self._score(answers["probability"].argmax(axis=-1))
        return score | {"best_epoch": outcome.metrics["training"]["best_epoch"]}

    def _score(self, predicted: np.ndarray) -> dict[str, float]:
        from trainers.evaluators.statistics.task_probe import TaskScore

        score = TaskScore(self._subsets.test["label"], predicted)
        return {"accuracy": score.accuracy, "balanced_accuracy": score.balanced_accuracy}


def _frozen_features(options: Options, subsets: LabelSubsets) -> dict[str, np.ndarray]:
    import zoo
    from trainers.prediction import inference

    spec = subsets.spec
    data = {"image_shape": list(spec.image_shape), "class_names": list(spec.class_names)}
    own = {"encoder": options.encoder, "training": "frozen"}
    try:
        model = zoo.create(MODEL, **{**data, **options.run.hp, **own})
    except (ValueError, TypeError) as error:
        raise UserError(f"`encoder={options.encoder}`: {error}") from None

    def features(images):
        return {"features": model.features(images)}

    return {
        name: inference.apply(features, arrays["image"])["features"]
        for name, arrays in (("pool", subsets.pool), ("test", subsets.test))
    }


main = command("learning_curve", lambda arguments: print(f"report  {run(arguments)}"))

if __name__ == "__main__":
    sys.exit(main())
