"""The report of `python -m trainers.reproduce blendhunter`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.evaluators import plot_style
from trainers.evaluators.section import Section, Table
from trainers.reproduce import published, report
from trainers.reproduce.blendhunter_options import Cell, Options
from trainers.reproduce.blendhunter_sections import parametric_section, realistic_section
from trainers.reproduce.grid import Grid
from trainers.reproduce.training import Training

__all__ = ["Findings", "write"]


@dataclasses.dataclass
class Findings:
    """Results of the experiment so far.

    Attributes:
        options: Options of the experiment.
        parametric: Predictions for the test stamps of the dataset of the trainings.
        realistic: Predictions for the realistic stamps.
        numbers: Number of stamps in each split of the parametric dataset.
        realistic_number: Number of realistic stamps.
        trainings: Trainings so far.
    """

    options: Options
    parametric: Grid
    realistic: Grid
    numbers: dict[str, int]
    realistic_number: int
    trainings: dict[Cell, Training] = dataclasses.field(default_factory=dict)


def write(findings: Findings) -> Path:
    """Writes `report.md`, `metrics.json` and the figures; returns the path of the report."""
    options = findings.options
    sections = []
    with plot_style.style():
        section = parametric_section(options, findings.parametric)
        sections.append(("parametric", "Parametric stamps", section))
        if findings.realistic.records:
            section = realistic_section(options, findings.realistic)
            sections.append(("realistic", "Realistic stamps, without training again", section))
    sections.append(("trainings", "Trainings", _trainings(findings)))
    return report.write(
        options, findings.trainings, "BlendHunter done again", _facts(findings), sections
    )


def _facts(findings: Findings) -> dict[str, str]:
    options = findings.options
    facts = {
        "source": "Farrens et al. 2022 (arXiv:2110.08180)",
        "parametric stamps": f"{options.dataset}: {report.counts(findings.numbers)}",
    }
    if findings.realistic_number:
        facts["realistic stamps"] = (
            f"{options.transfer_dataset}: {findings.realistic_number} "
            f"({', '.join(options.transfer_splits)}), noise sigma {options.transfer_sigma:g} counts"
        )
    facts["published, for comparison"] = (
        "36000 train, 36000 validation, 8000 test; 80000 realistic stamps; 10 realisations"
    )
    return facts


def _trainings(findings: Findings) -> Section:
    section, rows = Section(), []
    for cell, training in findings.trainings.items():
        numbers = training.metrics["training"]
        rows.append(
            [
                cell.model,
                cell.sigma,
                str(cell.realisation),
                f"{numbers['epochs']} ({numbers['best_epoch']})",
                f"{numbers['best_validation_loss']:.4f}",
                f"{numbers['parameters']:,}",
                "-" if training.seconds is None else f"{training.seconds:.0f}",
                f"[report]({cell.folder}/report.md)",
            ]
        )
    seconds = report.seconds(findings.trainings)
    section.metrics |= {"trainings": len(rows), "seconds": seconds}
    section.text.append(
        f"{len(rows)} trainings in {seconds / 60:.0f} min, evaluation of each run included "
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
