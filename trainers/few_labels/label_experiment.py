"""Experiments over the number of labels: scores of all classifiers, and their report."""

from __future__ import annotations

import abc
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators import report
from trainers.evaluators.section import Section
from trainers.few_labels.label_curves import LabelCurves
from trainers.few_labels.label_options import Cell, LabelOptions
from trainers.few_labels.label_subsets import LabelSubsets
from trainers.runs.experiment import Experiment
from trainers.storage.json_files import read_json, write_json
from trainers.tables.provenance import installed_versions

__all__ = ["LabelExperiment"]


class LabelExperiment(Experiment):
    """Classifiers of all methods, numbers of labels and repeats on shared data.

    Attributes:
        subsets: The data.
        scores: Scores of the classifiers so far.
        titles: Title of each method; this and the next three are those of a subclass.
        title: Title of the report.
        facts: Facts about model and data for the report.
        text: Description of the method for the report.
        levels: Name and value of each measure without learning.
    """

    name: ClassVar[str]
    """Name of the command."""

    measures: ClassVar[Mapping[str, str]]
    """Title of each score, the most important one first."""

    most_labels: ClassVar[str]
    """Options that set the largest number of labels, for errors."""

    scale: ClassVar[str] = "log"
    """Scale of the number of labels in figures."""

    caption: ClassVar[str]
    """Caption of the figure."""

    titles: Mapping[str, str]
    title: str
    facts: Mapping[str, str]
    text: str
    levels: Mapping[str, tuple[str, float]] = MappingProxyType({})

    def __init__(self, options: LabelOptions):
        super().__init__(options)
        # Also for computations outside of the trainings.
        strategies.make("one", options.run.deterministic)
        dataset = self.datasets["dataset"] = loading.load_stored(options.run)
        self.check(dataset.spec)
        self.subsets = LabelSubsets.of(dataset, options.run)
        self.scores: dict[Cell, Mapping[str, float]] = {}
        self.check_most_labels(self.subsets.size, "in the training and validation splits")

    def check_most_labels(self, available: int, which: str) -> None:
        """Raises UserError if the experiment needs more labels than there are objects.

        Args:
            available: Number of objects that may be labelled.
            which: Which objects these are, for the error.
        """
        most = max(cell.labels for cell in self.cells())
        if most > available:
            raise UserError(
                f"{self.most_labels} must be at most {available}, the number of objects {which}; "
                f"got {most}"
            )

    @staticmethod
    @abc.abstractmethod
    def check(spec: DatasetSpec) -> None:
        """Raises UserError if a dataset lacks the labels of the experiment."""

    @abc.abstractmethod
    def score(self, cell: Cell) -> dict[str, float]:
        """Trains a classifier; returns its scores on the test split by measure."""

    def train(self, cell: Cell) -> bool:
        file = self.options.output_dir / cell.folder / "score.json"
        is_new = not file.exists()
        if is_new:
            begun = time.monotonic()
            score = self.score(cell)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_json(file, score | {"seconds": time.monotonic() - begun})
            shown = (f"{title} {score[name]:.4g}" for name, title in self.measures.items())
            print(f"  {', '.join(shown)}", flush=True)
        self.scores[cell] = read_json(file)
        return is_new

    def report(self) -> Path:
        options, scores = self.options, self.scores
        done, wanted = len(scores), len(options.cells())
        curves = LabelCurves(self.titles, self.measures, scores)
        section = Section(text=[self.text], tables=curves.tables())
        for cell, score in scores.items():
            name = f"{cell.method}_{cell.labels}_{cell.repeat}"
            section.metrics |= {f"{name}_{measure}": score[measure] for measure in self.measures}
        measure, most = next(iter(self.measures)), curves.numbers[-1]
        for method, title in self.titles.items():
            key = f"{self.measures[measure]} with {most} labels, {title}"
            section.key_numbers[key] = curves.text(method, most, measure)
        figure = options.output_dir / "figures" / f"{self.name}.png"
        section.figures.append(curves.figure(figure, self.caption, self.scale, self.levels))
        minutes = sum(score["seconds"] for score in scores.values()) / 60
        facts = {
            **self.facts,
            "objects": f"{self.subsets.size} to be labelled, {self.subsets.tested} to test",
            "repeats": f"{options.repeats}, with other objects and seeds",
            "classifiers": f"{done} of {wanted}" if done < wanted else f"{done}",
            "time": f"{minutes:.0f} min",
        }
        report.write(
            report.Report(
                title=self.title,
                facts=facts,
                sections=[(self.name, self.name.replace("_", " ").capitalize(), section)],
                commands=[options.command],
                versions=installed_versions(),
            ),
            options.output_dir,
        )
        return options.output_dir / "report.md"
