"""Active learning: votes for the most informative galaxies (BALD) against random ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

import zoo
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.few_labels import acquisition
from trainers.few_labels.active_learning_options import STRATEGIES, Options, Round
from trainers.few_labels.label_experiment import LabelExperiment
from trainers.runs.run_folder import load_model
from trainers.storage.json_files import read_json, write_json

__all__ = ["ActiveLearning"]


class ActiveLearning(LabelExperiment):
    """Error of predicted vote fractions over rounds of labelling."""

    name = "active_learning"
    measures: ClassVar[Mapping[str, str]] = {
        "rmse": "RMSE of the vote fractions",
        "log_likelihood": "Log-likelihood (nats per galaxy)",
    }
    most_labels = "`start` + `rounds` * `step`"
    scale = "linear"
    caption = (
        "Error of the vote fractions (lower is better) and log-likelihood of the votes (higher is "
        "better) on the test split against the number of labelled galaxies"
    )

    def __init__(self, options: Options):
        super().__init__(options)
        self.pool = self._pool()
        self.titles = {strategy: STRATEGIES[strategy] for strategy in options.strategies}
        self.title = f"Which galaxies to label, {self.subsets.spec.name}"
        self.facts = {
            "model": options.model,
            "reference": "Walmsley et al. 2019 (arXiv:1905.07424)",
            "dataset": self.subsets.spec.name,
        }
        self.text = (
            "In each round a model is trained from scratch on all labels so far, with at least "
            f"{options.min_steps} steps; a fifth of the labels chooses its epoch. The next "
            f"{options.step} galaxies are the most informative ones (mutual information of "
            f"votes and weights, from dropout) of {options.candidates} unlabelled ones, or drawn "
            "from these in proportion to their information (Kirsch et al. 2021, arXiv 2106.12059), "
            "or at random. All begin with the same galaxies. "
            + (
                f"{self.subsets.size - len(self.pool)} galaxies with a majority of "
                f"{options.exclude} are not in the pool. "
                if options.exclude
                else ""
            )
            + f"The test split has "
            f"{self.subsets.tested} galaxies. Errors of vote fractions are weighted by the number "
            "of volunteers; they include the scatter of the volunteers, which no model can "
            "predict."
        )

    @classmethod
    def run(cls, options: Options) -> Path:
        model_class = zoo.describe(options.model).model_class
        for method in ("acquisition", "distribution"):
            if not hasattr(model_class, method):
                raise UserError(f"`model={options.model}` has no {method}(): it is not Bayesian")
        return super().run(options)

    @staticmethod
    def check(spec: DatasetSpec) -> None:
        if not spec.questions or "votes" not in spec.feature_names:
            raise UserError(f"dataset '{spec.name}' has no votes")

    def _pool(self) -> np.ndarray:
        """Returns the rows that may be labelled."""
        options, subsets = self.options, self.subsets
        rows = np.arange(subsets.size)
        if not options.exclude:
            return rows
        votes, questions = np.asarray(subsets.pool["votes"]), subsets.spec.questions
        try:
            rows = rows[~acquisition.mostly_answered(votes, questions, options.exclude)]
        except ValueError as error:
            raise UserError(str(error)) from None
        self.check_most_labels(len(rows), f"that `exclude={options.exclude}` leaves")
        return rows

    def score(self, cell: Round) -> dict[str, float]:
        rows = self._rows(cell)
        # The first are random, the later ones of each round in the order of their choice.
        aside = np.arange(len(rows)) % 5 == 4
        model, _ = self.subsets.train(
            dataclasses.replace(self.options.run, seed=cell.repeat),
            self._run_dir(cell),
            rows[~aside],
            rows[aside],
            self.options.min_steps,
        )
        test, questions = self.subsets.test, self.subsets.spec.questions
        return acquisition.score(model, test["image"], np.asarray(test["votes"]), questions)

    def _rows(self, cell: Round) -> np.ndarray:
        """Returns the labelled rows of a round: those of the round before, and new ones."""
        options = self.options
        if not cell.number:
            return np.random.default_rng(cell.repeat).permutation(self.pool)[: options.start]
        file = options.output_dir / cell.folder / "rows.json"
        if file.exists():
            return np.array(read_json(file))
        before = options.round(cell.method, cell.repeat, cell.number - 1)
        rows = self._rows(before)
        draws = np.random.default_rng((cell.repeat, cell.number))
        unlabelled = draws.permutation(np.setdiff1d(self.pool, rows))
        if cell.method != "random":
            candidates = unlabelled[: max(options.candidates, options.step)]
            model = load_model(self._run_dir(before))
            information = acquisition.information(model, self.subsets.pool["image"][candidates])
            order = (
                np.argsort(-information, kind="stable")
                if cell.method == "bald"
                else acquisition.power_order(information, draws)
            )
            unlabelled = candidates[order]
        rows = np.concatenate([rows, unlabelled[: options.step]])
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, rows.tolist())
        return rows

    def _run_dir(self, cell: Round) -> Path:
        return self.options.output_dir / cell.folder / "run"
