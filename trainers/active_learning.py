"""Which galaxies to label next: the most informative ones (BALD) against random ones.

    python -m trainers.active_learning --dataset galaxy_zoo_decals/simulated
    python -m trainers.active_learning --model NAME --start 100 --step 100 --rounds 8 --repeats 3

A model of votes is trained on a few galaxies; of the others, those about which its dropout samples
disagree most are labelled, and it is trained anew on all of them; and so on, as Walmsley et al.
2019 (arXiv:1905.07424) did, beside the same number of galaxies at random. Options that are not
listed here are those of `python -m trainers.run` for the model, whose recipe it takes. The same
command goes on where it was stopped; more rounds and repeats may be added.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from trainers.runs.run_folder import load_model
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    import numpy as np

    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["STRATEGIES", "Options", "Round", "main", "run"]

_MODEL = "gz_bayesian_cnn"

STRATEGIES = {"bald": "most informative (BALD)", "random": "at random"}
"""How galaxies are chosen, by its name on the command line."""


@dataclasses.dataclass(frozen=True)
class Round:
    """One training.

    Attributes:
        strategy: One of `STRATEGIES`, or "start" for round 0, which they share.
        repeat: Number of the repeat: seed of what is drawn at random, and of the training.
        number: Number of the round, from 0.
    """

    strategy: str
    repeat: int
    number: int

    @property
    def folder(self) -> str:
        """Its folder in that of the experiment."""
        return f"{self.strategy}/repeat_{self.repeat}/round_{self.number}"


@dataclasses.dataclass(frozen=True)
class Options:
    """What is done.

    Attributes:
        start: Number of labels in round 0.
        step: Labels that each later round adds.
        rounds: Later rounds.
        repeats: Repeats with another start and other seeds.
        strategies: Names in `STRATEGIES`.
        candidates: Unlabelled galaxies, drawn at random, among which each round chooses.
        min_steps: Fewest training steps, however few labels there are.
        output_dir: Folder of the experiment.
        run: Options of the trainings.
        arguments: The command line.
    """

    start: int
    step: int
    rounds: int
    repeats: int
    strategies: tuple[str, ...]
    candidates: int
    min_steps: int
    output_dir: Path
    run: RunConfig
    arguments: str

    def experiment(self) -> dict[str, Any]:
        """Returns what must be the same when an experiment goes on, as JSON types."""
        own = {name: getattr(self, name) for name in ("start", "step", "candidates", "min_steps")}
        return own | experiment.of_run(self.run)

    def paths(self) -> list[list[Round]]:
        """Returns the rounds of each repeat and strategy, one after the other."""
        return [
            [Round("start", repeat, 0)]
            + [Round(strategy, repeat, number) for number in range(1, self.rounds + 1)]
            for repeat in range(self.repeats)
            for strategy in self.strategies
        ]

    def labels(self, number: int) -> int:
        """Returns the number of labels in a round."""
        return self.start + number * self.step


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if training could not go on, 2 for a mistake of the user.
    """
    return exit_status("active_learning", lambda given: print(f"report  {run(given)}"), arguments)


def run(arguments: Sequence[str]) -> Path:
    """Trains what is left to train; returns the path of the report.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if options, data, model or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = _parse(arguments)
    import zoo
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies
    from trainers.few_labels.label_subsets import LabelSubsets
    from trainers.runs import pipeline

    pipeline.check_model(options.run)
    model_class = zoo.describe(options.run.model).model_class
    for method in ("acquisition", "distribution"):
        if not hasattr(model_class, method):
            raise UserError(f"--model {options.run.model} has no {method}(): it is not Bayesian")
    with experiment.opened(options.output_dir, options.experiment()):
        # For what is computed outside of the trainings too.
        strategies.make("one", options.run.deterministic)
        dataset = loading.load_stored(options.run)
        if not dataset.spec.questions or "votes" not in dataset.spec.feature_names:
            raise UserError(f"dataset '{dataset.spec.name}' has no votes")
        subsets = LabelSubsets.of(dataset, options.run)
        most = options.labels(options.rounds)
        if most > subsets.size:
            raise UserError(
                f"--start and --rounds times --step must be at most {subsets.size} together, the "
                f"galaxies of the training and validation splits; got {most}"
            )
        experiment.describe(options.output_dir, options.experiment())
        return _Curve(options, subsets).run()


class _Curve:
    """The data, which all rounds share, and the scores so far."""

    def __init__(self, options: Options, subsets: LabelSubsets):
        self._options, self._subsets = options, subsets

    def run(self) -> Path:
        import numpy as np

        from trainers.few_labels import active_learning_report as report

        scores, path = {}, None
        paths = self._options.paths()
        for number, rounds in enumerate(paths, 1):
            draws = np.random.default_rng(rounds[0].repeat)
            rows = draws.permutation(self._subsets.size)[: self._options.start]
            for before, current in zip([None, *rounds], rounds, strict=False):
                if before is not None:
                    rows = self._more(current, before, rows)
                file = self._options.output_dir / current.folder / "score.json"
                if not file.exists():
                    name = self._options.strategies[(number - 1) % len(self._options.strategies)]
                    print(f"[{number}/{len(paths)}] {name}: {current.folder}", flush=True)
                    self._train(current, rows, file)
                scores[current] = read_json(file)
            path = report.write(self._options, self._subsets, scores)
        return path

    def _more(self, current: Round, before: Round, rows: np.ndarray) -> np.ndarray:
        """Returns the labelled rows of a round: those of the one before, and new ones."""
        import numpy as np

        from trainers.few_labels import acquisition

        file = self._options.output_dir / current.folder / "rows.json"
        if file.exists():
            return np.array(read_json(file))
        draws = np.random.default_rng((current.repeat, current.number))
        unlabelled = draws.permutation(np.setdiff1d(np.arange(self._subsets.size), rows))
        if current.strategy == "bald":
            candidates = unlabelled[: max(self._options.candidates, self._options.step)]
            model = load_model(self._run_dir(before))
            taught = acquisition.information(model, self._subsets.pool["image"][candidates])
            unlabelled = candidates[np.argsort(-taught, kind="stable")]
        rows = np.concatenate([rows, unlabelled[: self._options.step]])
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, rows.tolist())
        return rows

    def _run_dir(self, current: Round) -> Path:
        return self._options.output_dir / current.folder / "run"

    def _train(self, current: Round, rows: np.ndarray, file: Path) -> None:
        import numpy as np

        from trainers.few_labels import acquisition

        begun = time.monotonic()
        # The first are random, the later ones of each round in the order of their choice.
        aside = np.arange(len(rows)) % 5 == 4
        model, _ = self._subsets.train(
            dataclasses.replace(self._options.run, seed=current.repeat),
            self._run_dir(current),
            rows[~aside],
            rows[aside],
            self._options.min_steps,
        )
        test, spec = self._subsets.test, self._subsets.spec
        score = acquisition.score(model, test["image"], np.asarray(test["votes"]), spec.questions)
        write_json(file, score | {"seconds": time.monotonic() - begun})
        print(f"  RMSE {score['rmse']:.4f}, {score['log_likelihood']:.2f} nats", flush=True)


def _parse(arguments: Sequence[str]) -> Options:
    parser = OneLineParser(
        prog="python -m trainers.active_learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", default=_MODEL, help=f"Model with acquisition(). Default {_MODEL}.")
    numbers = {
        "start": (200, "Labels to begin with."),
        "step": (200, "Labels that each round adds."),
        "rounds": (5, "Rounds after the first."),
        "repeats": (2, "With another start and other seeds."),
        "candidates": (2000, "Unlabelled galaxies among which a round chooses, drawn at random."),
        "min_steps": (300, "Fewest training steps."),
    }
    for name, (default, told) in numbers.items():
        add(f"--{name}", type=int, default=default, metavar="N", help=f"{told} Default {default}.")
    add(
        "--strategies",
        nargs="+",
        choices=STRATEGIES,
        default=list(STRATEGIES),
        help="Default: all.",
    )
    add("--output_dir", type=Path, help="Folder; default runs/active_learning-DATASET-MODEL.")
    given, others = parser.parse_known_args(arguments)
    config = experiment.parse_trainings(["--model", given.model, *others])
    for name in numbers:
        if getattr(given, name) < 1:
            raise UserError(f"--{name} must be at least 1; got {getattr(given, name)}")
    if given.start < 5:
        raise UserError(f"--start must be at least 5; got {given.start}")
    default = Path("runs") / f"active_learning-{config.dataset.replace('/', '_')}-{given.model}"
    return Options(
        **{name: getattr(given, name) for name in numbers},
        strategies=tuple(name for name in STRATEGIES if name in given.strategies),
        output_dir=(given.output_dir or default).expanduser(),
        run=config,
        arguments=shlex.join(arguments),
    )


if __name__ == "__main__":
    sys.exit(main())
