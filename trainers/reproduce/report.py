"""Reports of reproductions: published numbers beside ours."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators import report as reports
from trainers.evaluators.section import FigureFile, Section
from trainers.reproduce.options import ReproductionOptions
from trainers.reproduce.training import Training
from trainers.runs.run_folder import RunFolder
from trainers.storage.json_files import read_json

__all__ = ["add_figure", "counts", "seconds", "write"]


def write(
    options: ReproductionOptions,
    trainings: Mapping[Any, Training],
    title: str,
    facts: Mapping[str, str],
    sections: Sequence[tuple[str, str, Section]],
) -> Path:
    """Writes `report.md` and `metrics.json`; returns the path of the report.

    Args:
        options: Options of the experiment.
        trainings: Trainings so far, at least one.
        title: Title of the report.
        facts: Facts about publication, data and models.
        sections: Name, heading and section of each part.
    """
    done, wanted, folder = len(trainings), len(options.cells()), options.output_dir
    number = f"{done} of {wanted}" if done < wanted else f"{done}"
    first = RunFolder(folder / next(iter(trainings)).folder)
    configuration = {
        name: " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for name, value in dataclasses.asdict(options).items()
        if name != "command" and value not in ("", [], {}, None, False)
    }
    reports.write(
        reports.Report(
            title=title,
            facts={
                **facts,
                "trainings": f"{number}, {seconds(trainings) / 60:.0f} min",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            },
            sections=sections,
            configuration=configuration,
            commands=[options.command],
            versions=read_json(first.versions),
        ),
        folder,
    )
    return folder / "report.md"


def seconds(trainings: Mapping[Any, Training]) -> float:
    """Returns the time of all trainings, as far as it was measured, s."""
    return sum(training.seconds or 0.0 for training in trainings.values())


def counts(num_examples: Mapping[str, int]) -> str:
    """Returns the numbers of examples as text: "64 train, 32 validation"."""
    return ", ".join(f"{number} {split}" for split, number in num_examples.items())


def add_figure(
    section: Section, options: ReproductionOptions, name: str, figure: Figure, caption: str
) -> None:
    """Saves a figure and adds it to a section."""
    plot_style.save(figure, options.output_dir / "figures" / f"{name}.png")
    section.figures.append(FigureFile(f"figures/{name}.png", caption))
