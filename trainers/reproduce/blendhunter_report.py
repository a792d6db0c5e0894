"""The report of `python -m trainers.reproduce blendhunter`."""

from __future__ import annotations

import dataclasses
import os
import platform
from pathlib import Path
from typing import Any

from trainers.evaluators import plot_style
from trainers.evaluators import report as reports
from trainers.evaluators.section import Section, Table
from trainers.reproduce import published
from trainers.reproduce.blendhunter_options import Cell, Options
from trainers.reproduce.blendhunter_sections import parametric_section, realistic_section
from trainers.reproduce.grid import Grid
from trainers.storage.json_files import read_json

__all__ = ["Findings", "write"]


@dataclasses.dataclass
class Findings:
    """Results of the experiment so far.

    Attributes:
        options: What was asked for.
        parametric: Answers about the test stamps of the dataset that the models were trained on.
        realistic: Answers about the realistic stamps.
        numbers: Stamps of each split of the parametric dataset.
        realistic_number: Realistic stamps.
        arguments: Command line of the last call.
        trainings: Numbers of each training.
    """

    options: Options
    parametric: Grid
    realistic: Grid
    numbers: dict[str, int]
    realistic_number: int
    arguments: str = ""
    trainings: dict[Cell, dict[str, Any]] = dataclasses.field(default_factory=dict)


def write(findings: Findings) -> Path:
    """Writes `report.md`, `metrics.json` and the figures.

    Args:
        findings: Results, with one training at least.

    Returns:
        The path of the report.
    """
    options, folder = findings.options, findings.options.output_dir
    sections = []
    with plot_style.style():
        section = parametric_section(options, findings.parametric)
        sections.append(("parametric", "Parametric stamps", section))
        if findings.realistic.records:
            section = realistic_section(options, findings.realistic)
            sections.append(("realistic", "Realistic stamps, without training again", section))
    sections.append(("trainings", "Trainings", _trainings(findings)))
    first = folder / next(iter(findings.trainings)).folder
    reports.write(
        reports.Report(
            title="BlendHunter done again",
            facts=_facts(findings),
            sections=sections,
            configuration={
                name: " ".join(map(str, value)) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(options).items()
                if value not in ("", (), {}, None, False)
            },
            commands=[f"python -m trainers.reproduce blendhunter {findings.arguments}".rstrip()],
            versions=read_json(first / "versions.json"),
        ),
        folder,
    )
    return folder / "report.md"


def _facts(findings: Findings) -> dict[str, str]:
    options = findings.options
    numbers = ", ".join(f"{number} {split}" for split, number in findings.numbers.items())
    facts = {
        "source": "Farrens et al. 2022 (arXiv:2110.08180)",
        "parametric stamps": f"{options.dataset}: {numbers}",
    }
    if findings.realistic_number:
        facts["realistic stamps"] = (
            f"{options.transfer_dataset}: {findings.realistic_number} "
            f"({', '.join(options.transfer_splits)}), noise sigma {options.transfer_sigma:g} counts"
        )
    done = len(findings.trainings)
    wanted = len(options.cells())
    facts["trainings"] = f"{done} of {wanted}" if done < wanted else f"{done}"
    facts["published, for comparison"] = (
        "36000 train, 36000 validation, 8000 test; 80000 realistic stamps; 10 realisations"
    )
    facts["machine"] = f"{platform.machine()}, {os.cpu_count()} cores"
    return facts


def _trainings(findings: Findings) -> Section:
    section = Section()
    rows, seconds = [], []
    for cell, training in findings.trainings.items():
        if training["seconds"] is not None:
            seconds.append(training["seconds"])
        rows.append(
            [
                cell.model,
                cell.sigma,
                str(cell.realisation),
                f"{training['epochs']} ({training['best_epoch']})",
                f"{training['best_validation_loss']:.4f}",
                f"{training['parameters']:,}",
                "-" if training["seconds"] is None else f"{training['seconds']:.0f}",
                f"[report]({cell.folder}/report.md)",
            ]
        )
    section.metrics |= {"trainings": len(rows), "seconds": sum(seconds)}
    section.text.append(
        f"{len(rows)} trainings in {sum(seconds) / 60:.0f} min, evaluation of each run included "
        f"(published: {published.SECONDS:.0f} s for one set of 80000 stamps on a Core i7-6900K)."
    )
    section.tables.append(
        Table(
            (
                "model",
                "sigma",
                "realisation",
                "epochs (best)",
                "validation loss",
                "parameters",
                "seconds",
                "run",
            ),
            rows,
        )
    )
    return section
