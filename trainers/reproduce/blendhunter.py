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
from trainers.reproduce.training import Training, train
from trainers.runs.experiment import Experiment
from trainers.runs.run_folder import RunFolder, load_model

__all__ = ["run"]

_TEST = ("test",)
_REALISTIC_FEATURES = "realistic_features"


def run(arguments: Sequence[str]) -> None:
    """Runs the experiment of a command line, or resumes it."""
    options = blendhunter_options.parse(arguments)
    path = BlendHunter.run(options)
    if not options.keep_features:
        shutil.rmtree(options.output_dir / _REALISTIC_FEATURES, ignore_errors=True)
    print(f"report  {path}", flush=True)


class BlendHunter(Experiment):
    """Classifiers of blends, and SEP, on parametric and realistic stamps."""

    def __init__(self, options: Options):
        super().__init__(options)
        self._strategy = strategies.make("auto")
        self.datasets["dataset"] = self._load(options.dataset)
        if options.transfer_dataset != "none":
            realistic = self._load(options.transfer_dataset)
            noisy = NoisyDataset(realistic, options.transfer_sigma, 0, PAD)
            self.datasets["transfer_dataset"] = noisy
        self._trainings: dict[Cell, Training] = {}
        self._grids = {"parametric": Grid({}), "realistic": Grid({})}

    def cells(self) -> list[Cell]:
        cells = super().cells()
        if self.options.report_only:
            cells = [cell for cell in cells if self._folder(cell).finished.exists()]
        if not cells:
            raise UserError(f"`report_only`: {self.options.output_dir} holds no finished training")
        return cells

    def train(self, cell: Cell) -> bool:
        config = self.options.run_config(cell)
        training = train(config, self.datasets["dataset"], self._strategy)
        self._trainings[cell] = training
        # 8 kB for each stamp.
        if not self.options.keep_features:
            shutil.rmtree(config.features_dir, ignore_errors=True)
        self._score(cell)
        return training.is_new

    def report(self) -> Path:
        return write(self.options, self.datasets, self._trainings, **self._grids)

    def _load(self, name: str) -> Dataset:
        dataset = self.options.load(name)
        scoring.check(dataset)
        return dataset

    def _folder(self, cell: Cell) -> RunFolder:
        return RunFolder(self.options.output_dir / cell.folder)

    def _score(self, cell: Cell) -> None:
        is_one = cell.noise[0] == cell.noise[1]
        for sigma in cell.noise[:1] if is_one else self.options.sigmas:
            noisy = NoisyDataset(self.datasets["dataset"], sigma, cell.realisation, PAD)
            self._judge(cell, "parametric", noisy, _TEST, sigma, cell.realisation)
        if "transfer_dataset" in self.datasets:
            # One frozen network serves the heads of all trainings.
            is_frozen = self.options.run_config(cell).trainer == "two_stage"
            folder = self.options.output_dir / _REALISTIC_FEATURES if is_frozen else None
            splits, sigma = self.options.transfer_splits, self.options.transfer_sigma
            realistic = self.datasets["transfer_dataset"]
            self._judge(cell, "realistic", realistic, splits, sigma, 0, folder)

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
            path = self.options.output_dir / "sep" / f"{stamps}-{sigma:g}-{realisation}.npz"
            grid.samples[sigma, realisation] = scoring.sample(dataset, splits, path)
        folder = self._folder(cell)
        probability = scoring.blended_probability(
            lambda: load_model(folder.path),
            folder.model,
            dataset,
            splits,
            folder.path / f"answers-{stamps}-{sigma:g}.npz",
            features_dir=features_dir,
            jit=self.options.jit,
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
