"""BlendHunter (Farrens et al. 2022) over a grid of noise levels and realisations.

For each model, sigma and realisation: a run in a folder of its own, its predictions for the test
stamps with the same noise and for realistic stamps, and SEP on the same stamps. Each step leaves a
file, so that the same command resumes an experiment.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.datasets.dataset import Dataset
from trainers.datasets.noise import NoisyDataset
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.reproduce import blendhunter_options, scoring
from trainers.reproduce.blendhunter_options import PAD, Cell, Options
from trainers.reproduce.blendhunter_report import write
from trainers.reproduce.grid import Grid, Record
from trainers.reproduce.training import Training, train, with_progress
from trainers.runs import experiment, pipeline
from trainers.runs.run_folder import RunFolder, load_model

__all__ = ["run"]

_TEST = ("test",)
_REALISTIC_FEATURES = "realistic_features"


def run(arguments: Sequence[str]) -> None:
    """Runs the experiment, or resumes it.

    Args:
        arguments: The command line behind the name of the experiment.

    Raises:
        UserError: if options, data, models or folder do not fit together.
        TrainingError: if a training cannot go on.
    """
    options = blendhunter_options.parse(arguments)
    cells = options.cells()
    for cell in cells:
        pipeline.check_model(options.run_config(cell))
    with experiment.opened(options) as record:
        if options.report_only:
            cells = [cell for cell in cells if _folder(options, cell).finished.exists()]
        if not cells:
            raise UserError(f"`report_only`: {options.output_dir} holds no finished training")
        trainings = _Experiment(options)
        record(trainings.datasets)
        path = trainings.run(cells)
    print(f"report  {path}", flush=True)


class _Experiment:
    """The datasets, which all trainings share, and the results so far."""

    def __init__(self, options: Options):
        self._options = options
        self._strategy = strategies.make("auto")
        self._parametric = self._load(options.dataset)
        self._realistic = None
        self.datasets = {"dataset": self._parametric}
        if options.transfer_dataset != "none":
            realistic = self._load(options.transfer_dataset)
            self._realistic = NoisyDataset(realistic, options.transfer_sigma, 0, PAD)
            self.datasets["transfer_dataset"] = self._realistic
        self._trainings: dict[Cell, Training] = {}
        self._grids = {"parametric": Grid({}), "realistic": Grid({})}

    def run(self, cells: Sequence[Cell]) -> Path:
        """Does the trainings that are left, and returns the path of the report."""
        path = None
        for cell in with_progress(cells):
            config = self._options.run_config(cell)
            training = train(config, self._parametric, self._strategy)
            self._forget(config.features_dir)
            self._trainings[cell] = training
            self._score(cell)
            path = self._report() if training.is_new else None
        self._forget(self._options.output_dir / _REALISTIC_FEATURES)
        return path or self._report()

    def _report(self) -> Path:
        return write(self._options, self.datasets, self._trainings, **self._grids)

    def _forget(self, features_dir: Path | str) -> None:
        """Deletes features, 8 kB for each stamp, without `keep_features`."""
        if not self._options.keep_features:
            shutil.rmtree(features_dir, ignore_errors=True)

    def _load(self, name: str) -> Dataset:
        dataset = self._options.load(name)
        scoring.check(dataset)
        return dataset

    def _score(self, cell: Cell) -> None:
        is_one = cell.noise[0] == cell.noise[1]
        for sigma in cell.noise[:1] if is_one else self._options.sigmas:
            noisy = NoisyDataset(self._parametric, sigma, cell.realisation, PAD)
            self._judge(cell, "parametric", noisy, _TEST, sigma, cell.realisation)
        if self._realistic is not None:
            # One frozen network serves the heads of all trainings.
            is_frozen = self._options.run_config(cell).trainer == "two_stage"
            folder = self._options.output_dir / _REALISTIC_FEATURES if is_frozen else None
            splits, sigma = self._options.transfer_splits, self._options.transfer_sigma
            self._judge(cell, "realistic", self._realistic, splits, sigma, 0, folder)

    def _judge(
        self,
        cell: Cell,
        stamps: str,
        dataset: Dataset,
        splits: Sequence[str],
        sigma: float,
        realisation: int,
        features_dir: Path | None = None,
    ) -> None:
        grid = self._grids[stamps]
        if (sigma, realisation) not in grid.samples:
            path = self._options.output_dir / "sep" / f"{stamps}-{sigma:g}-{realisation}.npz"
            grid.samples[sigma, realisation] = scoring.sample(dataset, splits, path)
        folder = _folder(self._options, cell)
        probability = scoring.blended_probability(
            lambda: load_model(folder.path),
            folder.model,
            dataset,
            splits,
            folder.path / f"answers-{stamps}-{sigma:g}.npz",
            features_dir=features_dir,
            jit=self._options.jit,
        )
        record = Record(cell.name, cell.noise, cell.realisation, sigma, probability > 0.5)
        grid.records.append(record)
        print(f"  {stamps}, sigma {sigma:g}: {_shown(grid, record)}", flush=True)


def _shown(grid: Grid, record: Record) -> str:
    sample = grid.sample_of(record)
    right = record.blended == sample.truth.blended
    shown = []
    for kind in ("all", "close", "isolated"):
        members = sample.truth.kind(kind)
        judged = members & sample.answered
        own = right[members].mean() if members.any() else np.nan
        sep = sample.sep_right[judged].mean() if judged.any() else np.nan
        shown.append(f"{kind} {own:.3f} (SEP {sep:.3f})")
    return ", ".join(shown)


def _folder(options: Options, cell: Cell) -> RunFolder:
    return RunFolder(options.output_dir / cell.folder)
