"""Active learning: labels for the most informative galaxies (BALD) against random ones.

    python -m trainers.active_learning --dataset galaxy_zoo_decals/simulated
    python -m trainers.active_learning --model NAME --start 100 --step 100 --rounds 8 --repeats 3

A model of votes is trained on a few galaxies; of the others, those about which its dropout samples
disagree most are labelled, and it is trained anew on all of them; and so on, as Walmsley et al.
2019 (arXiv:1905.07424) did, beside the same number of galaxies at random. Options that are not
listed here are those of `python -m trainers.run` for the model, whose recipe it takes. The same
command goes on where it was stopped; more rounds and repeats may be added.
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
from trainers.few_labels.active_learning_options import Options, Round, parse
from trainers.runs import experiment
from trainers.runs.run_folder import load_model
from trainers.storage.json_files import read_json, write_json

if TYPE_CHECKING:
    import numpy as np

    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["main", "run"]


def run(arguments: Sequence[str]) -> Path:
    """Trains what is left to train; returns the path of the report.

    Args:
        arguments: The command line without the program's name.

    Raises:
        UserError: if options, data, model or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = parse(arguments, __doc__)
    import zoo
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies
    from trainers.few_labels.label_subsets import LabelSubsets
    from trainers.runs import pipeline

    pipeline.check_model(options.run)
    model_class = zoo.describe(options.run.model).model_class
    for method in ("acquisition", "distribution"):
        if not hasattr(model_class, method):
            raise UserError(f"`model={options.run.model}` has no {method}(): it is not Bayesian")
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
                f"`start` + `rounds` * `step` must be at most {subsets.size}, the number of "
                f"galaxies in the training and validation splits; got {most}"
            )
        experiment.describe(options.output_dir, options.experiment(), {"dataset": dataset})
        return _Curve(options, subsets).run()


class _Curve:
    """Trainings of all rounds on shared data."""

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


main = command("active_learning", lambda arguments: print(f"report  {run(arguments)}"))

if __name__ == "__main__":
    sys.exit(main())
