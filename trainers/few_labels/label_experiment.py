"""Experiments over the number of labels: their sequence of trainings, and their report."""

from __future__ import annotations

import abc
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from trainers.datasets import loading
from trainers.datasets.dataset import DatasetSpec
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.evaluators import report
from trainers.evaluators.section import Section
from trainers.few_labels.label_curves import LabelCurves, Scores
from trainers.few_labels.label_options import Cell, LabelOptions
from trainers.few_labels.label_subsets import LabelSubsets
from trainers.runs import experiment, pipeline
from trainers.storage.json_files import read_json, write_json
from trainers.tables.provenance import installed_versions

__all__ = ["LabelExperiment"]


class LabelExperiment(abc.ABC):
    """Classifiers of all methods, numbers of labels and repeats on shared data.

    Args:
        options: Options of the experiment.
        subsets: The data.
        titles: Title of each method.
        title: Title of the report.
        facts: Facts about model and data for the report.
        text: Description of the method for the report.
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

    def __init__(
        self,
        options: LabelOptions,
        subsets: LabelSubsets,
        *,
        titles: Mapping[str, str],
        title: str,
        facts: Mapping[str, str],
        text: str,
    ):
        self.options, self.subsets = options, subsets
        self.titles, self.title, self.facts, self.text = titles, title, facts, text

    @staticmethod
    @abc.abstractmethod
    def check(spec: DatasetSpec) -> None:
        """Raises UserError if a dataset lacks the labels of the experiment."""

    @abc.abstractmethod
    def score(self, cell: Cell) -> dict[str, float]:
        """Trains a classifier; returns its scores on the test split by measure."""

    def levels(self) -> Mapping[str, tuple[str, float]]:
        """Returns the name and value of each measure without learning."""
        return {}

    @classmethod
    def run(cls, options: LabelOptions) -> Path:
        """Trains what is left to train, and writes the report after each classifier.

        Returns:
            The path of the report.

        Raises:
            UserError: if options, data, model or folder do not fit together.
            TrainingError: if a training cannot go on.
        """
        pipeline.check_model(options.run)
        with experiment.opened(options) as record:
            # Also for computations outside of the trainings.
            strategies.make("one", options.run.deterministic)
            dataset = loading.load_stored(options.run)
            cls.check(dataset.spec)
            subsets = LabelSubsets.of(dataset, options.run)
            cells = options.cells()
            most = max(cell.labels for cell in cells)
            if most > subsets.size:
                raise UserError(
                    f"{cls.most_labels} must be at most {subsets.size}, the number of objects in "
                    f"the training and validation splits; got {most}"
                )
            one = cls(options, subsets)
            record({"dataset": dataset})
            scores: dict[Cell, Mapping[str, float]] = {}
            for number, cell in enumerate(cells, 1):
                file = options.output_dir / cell.folder / "score.json"
                is_new = not file.exists()
                if is_new:
                    print(f"[{number}/{len(cells)}] {cell.folder}", flush=True)
                    begun = time.monotonic()
                    score = one.score(cell)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    write_json(file, score | {"seconds": time.monotonic() - begun})
                    shown = (f"{cls.measures[name]} {score[name]:.4g}" for name in cls.measures)
                    print(f"  {', '.join(shown)}", flush=True)
                scores[cell] = read_json(file)
                if is_new or number == len(cells):
                    path = one.report(scores)
        return path

    def report(self, scores: Scores) -> Path:
        """Writes `report.md`, `metrics.json` and the figure; returns the path of the report."""
        options, done, wanted = self.options, len(scores), len(self.options.cells())
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
        section.figures.append(curves.figure(figure, self.caption, self.scale, self.levels()))
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
