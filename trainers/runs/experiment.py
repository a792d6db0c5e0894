"""Experiments of several trainings in one folder, which can be resumed."""

from __future__ import annotations

import abc
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.datasets import records
from trainers.datasets.dataset import Dataset
from trainers.errors import UserError
from trainers.options import identity
from trainers.options.experiment import ExperimentOptions
from trainers.options.run import RunConfig
from trainers.runs import pipeline
from trainers.storage.claimed_folder import claimed
from trainers.storage.json_files import read_json, write_json

__all__ = ["Experiment"]

_DESCRIPTION = "experiment.json"
_DATA = "data"


class Experiment(abc.ABC):
    """Trainings on the same data, and their report.

    Attributes:
        options: Options of the experiment.
        datasets: Datasets by role, which the constructor of a subclass loads.
    """

    def __init__(self, options: Any):
        self.options = options
        self.datasets: dict[str, Dataset] = {}

    def cells(self) -> list[Any]:
        """Returns the trainings in their order."""
        return self.options.cells()

    @abc.abstractmethod
    def train(self, cell: Any) -> bool:
        """Trains and scores a cell, or reads its scores; returns whether it was trained."""

    @abc.abstractmethod
    def report(self) -> Path:
        """Writes the report of the trainings so far; returns its path."""

    @classmethod
    def run(cls, options: ExperimentOptions) -> Path:
        """Does the trainings that are left, with a report after each; returns the path of the last.

        Raises:
            UserError: if options, data, models or folder do not fit together.
            TrainingError: if a training cannot go on.
        """
        for config in options.configurations():
            pipeline.check_model(config)
        folder, own = options.output_dir, options.experiment()
        name, saved = f"`output_dir` {folder}", {}
        with claimed(folder, _DESCRIPTION, name=name, kind="experiment") as description:
            if description is not None:
                saved = identity.with_absolute_paths(RunConfig, read_json(description))
            _check_options(name, saved, own)
            experiment = cls(options)
            cells = experiment.cells()
            data = {role: records.of_dataset(each) for role, each in experiment.datasets.items()}
            _check_data(name, saved.get(_DATA, {}), data)
            write_json(folder / _DESCRIPTION, {**own, _DATA: data})
            return experiment._train_all(cells)

    def _train_all(self, cells: Sequence[Any]) -> Path:
        durations, path = [], None
        for number, cell in enumerate(cells, 1):
            print(f"[{number}/{len(cells)}] {cell.folder}", flush=True)
            begun, path = time.monotonic(), None
            if self.train(cell):
                path = self.report()
                durations.append(time.monotonic() - begun)
                left = len(cells) - number
                minutes = left * sum(durations) / len(durations) / 60
                print(f"  {left} to go, about {minutes:.0f} min", flush=True)
        return path or self.report()


def _check_options(name: str, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    # Version 0.1.0 wrote an empty list for None.
    differing = [
        f"`{option}` (saved {saved[option]}, now {value})"
        for option, value in own.items()
        if option in saved and (saved[option] or None) != (value or None)
    ]
    if differing:
        raise UserError(
            f"{name} holds an experiment with other {', '.join(differing)}; give another folder"
        )


def _check_data(name: str, saved: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    differing = [
        line
        for role, record in data.items()
        for line in records.differences(saved.get(role, {}), record)
    ]
    if differing:
        raise UserError(
            f"{name} holds an experiment on other data: {'; '.join(differing)}; put the data back "
            "to resume it, or give another folder"
        )
