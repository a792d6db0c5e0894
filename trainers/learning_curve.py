"""Accuracy against the number of labels: a trained encoder frozen, fine-tuned, and from scratch.

    python -m trainers.learning_curve --encoder runs/NAME
    python -m trainers.learning_curve --encoder runs/NAME --labels 50 200 800 --repeats 5 \\
        --dataset image_folder --data_dir FOLDER --hp crop=0.5

Options that are not listed here are those of `python -m trainers.run --model finetuned_classifier`,
whose recipe it takes. The same command goes on where it was stopped; more labels, repeats and
methods may be added.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.runs import experiment
from trainers.runs.run_folder import RunFolder
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    import numpy as np

    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["METHODS", "Cell", "Options", "main", "run"]

_MODEL = "finetuned_classifier"
_FROZEN = ("logistic", "forest")

METHODS = {
    "logistic": "frozen, logistic regression",
    "forest": "frozen, random forest",
    "fine_tuned": "fine-tuned",
    "from_scratch": "from scratch",
}
"""What is compared, by its name on the command line."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One classifier.

    Attributes:
        method: One of `METHODS`.
        labels: Number of labels, those for the choice of the epoch included.
        repeat: Number of the repeat: seed of the choice of the objects and of the training.
    """

    method: str
    labels: int
    repeat: int

    @property
    def folder(self) -> str:
        """Its folder in that of the experiment."""
        return f"{self.method}/labels_{self.labels}/repeat_{self.repeat}"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is done.

    Attributes:
        encoder: Run folder or file of the trained model.
        labels: Numbers of labels, rising.
        repeats: Repeats with other objects and seeds.
        methods: Names in `METHODS`.
        min_steps: Fewest training steps, however few labels there are.
        output_dir: Folder of the experiment.
        run: Options of the trainings.
        arguments: The command line.
    """

    encoder: str
    labels: tuple[int, ...]
    repeats: int
    methods: tuple[str, ...]
    min_steps: int
    output_dir: Path
    run: RunConfig
    arguments: str

    def experiment(self) -> dict[str, Any]:
        """Returns what must be the same when an experiment goes on, as JSON types."""
        own = {"encoder": _identity(self.encoder), "min_steps": self.min_steps}
        return own | experiment.of_run(self.run)

    def cells(self) -> list[Cell]:
        """Returns all classifiers, repeat by repeat."""
        return [
            Cell(method, number, repeat)
            for repeat in range(self.repeats)
            for number in self.labels
            for method in self.methods
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if training could not go on, 2 for a mistake of the user.
    """
    return exit_status("learning_curve", lambda given: print(f"report  {run(given)}"), arguments)


def run(arguments: Sequence[str]) -> Path:
    """Trains what is left to train; returns the path of the report.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if options, data, encoder or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = _parse(arguments)
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
                f"--labels must be at most {subsets.size}, the objects of the training and "
                f"validation splits; got {options.labels[-1]}"
            )
        curve = _Curve(options, subsets)
        experiment.describe(options.output_dir, options.experiment())
        return curve.run()


class _Curve:
    """The data, which all classifiers share, and the scores so far."""

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


def _identity(encoder: str) -> str:
    """Returns the path of a trained model and the checksum of its file, which may be replaced."""
    path = Path(encoder)
    file = RunFolder(path).model if path.is_dir() else path
    # Where there is none, it is told when the model is loaded.
    content = file.read_bytes() if file.is_file() else b""
    return f"{encoder}, SHA-256 {hashlib.sha256(content).hexdigest()[:16]}"


def _frozen_features(options: Options, subsets: LabelSubsets) -> dict[str, np.ndarray]:
    import zoo
    from trainers.prediction import inference

    spec = subsets.spec
    given = {"image_shape": list(spec.image_shape), "class_names": list(spec.class_names)}
    own = {"encoder": options.encoder, "training": "frozen"}
    try:
        model = zoo.create(_MODEL, **{**given, **options.run.hp, **own})
    except (ValueError, TypeError) as error:
        raise UserError(f"--encoder {options.encoder}: {error}") from None

    def features(images):
        return {"features": model.features(images)}

    return {
        name: inference.apply(features, arrays["image"])["features"]
        for name, arrays in (("pool", subsets.pool), ("test", subsets.test))
    }


def _parse(arguments: Sequence[str]) -> Options:
    parser = OneLineParser(
        prog="python -m trainers.learning_curve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--encoder", required=True, help="Folder of a finished run, or a .keras file of the zoo.")
    several = {"type": int, "nargs": "+", "metavar": "N"}
    add(
        "--labels", default=[50, 100, 200, 400, 800], help="Default: 50 100 200 400 800.", **several
    )
    add("--repeats", type=int, default=3, metavar="N", help="Other objects and seeds. Default 3.")
    add("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="Default: all.")
    add("--min_steps", type=int, default=400, help="Fewest training steps. Default 400.")
    add("--output_dir", type=Path, help="Folder; default runs/learning_curve-DATASET-ENCODER.")
    given, others = parser.parse_known_args(arguments)
    if "--model" in others:
        raise UserError(f"--model is {_MODEL} here; --encoder takes any trained model")
    config = experiment.parse_trainings(["--model", _MODEL, *others])
    labels = tuple(sorted(set(given.labels)))
    if labels[0] < 4:
        raise UserError(f"--labels must be at least 4; got {labels[0]}")
    for name in ("repeats", "min_steps"):
        if getattr(given, name) < 1:
            raise UserError(f"--{name} must be at least 1; got {getattr(given, name)}")
    encoder = Path(given.encoder).expanduser().absolute()
    where = config.data_name.replace("/", "_")
    default = Path("runs") / f"learning_curve-{where}-{encoder.stem}"
    return Options(
        encoder=str(encoder),
        labels=labels,
        repeats=given.repeats,
        methods=tuple(name for name in METHODS if name in given.methods),
        min_steps=given.min_steps,
        output_dir=(given.output_dir or default).expanduser(),
        run=config,
        arguments=shlex.join(arguments),
    )


if __name__ == "__main__":
    sys.exit(main())
