"""The report of `python -m trainers.reproduce blendhunter`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trainers.datasets.dataset import Dataset
from trainers.evaluators import plot_style
from trainers.evaluators.section import Section, Table
from trainers.reproduce import published, report
from trainers.reproduce.blendhunter_options import Cell, Options
from trainers.reproduce.blendhunter_sections import parametric_section, realistic_section
from trainers.reproduce.grid import Grid
from trainers.reproduce.training import Training

__all__ = ["write"]


def write(
    options: Options,
    datasets: Mapping[str, Dataset],
    trainings: Mapping[Cell, Training],
    parametric: Grid,
    realistic: Grid,
) -> Path:
    """Writes `report.md`, `metrics.json` and the figures; returns the path of the report.

    Args:
        options: Options of the experiment.
        datasets: Datasets by their option.
        trainings: Trainings so far.
        parametric: Predictions for the test stamps of the dataset of the trainings.
        realistic: Predictions for the realistic stamps.
    """
    sections = []
    with plot_style.style():
        section = parametric_section(options, parametric)
        sections.append(("parametric", "Parametric stamps", section))
        if realistic.records:
            section = realistic_section(options, realistic)
            sections.append(("realistic", "Realistic stamps, without training again", section))
    sections.append(("trainings", "Trainings", _trainings(trainings)))
    facts = _facts(options, datasets)
    return report.write(options, trainings, "BlendHunter done again", facts, sections)


def _facts(options: Options, datasets: Mapping[str, Dataset]) -> dict[str, str]:
    numbers = report.counts(datasets["dataset"].num_examples)
    facts = {
        "source": "Farrens et al. 2022 (arXiv:2110.08180)",
        "parametric stamps": f"{options.dataset}: {numbers}",
    }
    if "transfer_dataset" in datasets:
        numbers = datasets["transfer_dataset"].num_examples
        number = sum(numbers[split] for split in options.transfer_splits)
        facts["realistic stamps"] = (
            f"{options.transfer_dataset}: {number} "
            f"({', '.join(options.transfer_splits)}), noise sigma {options.transfer_sigma:g} counts"
        )
    facts["published, for comparison"] = (
        "36000 train, 36000 validation, 8000 test; 80000 realistic stamps; 10 realisations"
    )
    return facts


def _trainings(trainings: Mapping[Cell, Training]) -> Section:
    section, rows = Section(), []
    for cell, training in trainings.items():
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
    seconds = report.seconds(trainings)
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
