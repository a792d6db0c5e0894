"""The report of `python -m trainers.learning_curve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.evaluators import report as reports
from trainers.evaluators.section import Section
from trainers.few_labels.label_curves import LabelCurves, spread_text
from trainers.few_labels.learning_curve_options import METHODS, Cell, Options
from trainers.tables.provenance import installed_versions

if TYPE_CHECKING:
    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["write"]

_MEASURES = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy"}


def write(
    options: Options, subsets: LabelSubsets, scores: Mapping[Cell, Mapping[str, Any]]
) -> Path:
    """Writes `report.md`, `metrics.json` and the figure.

    Args:
        options: Options of the experiment.
        subsets: The data.
        scores: Numbers of each classifier so far.

    Returns:
        The path of the report.
    """
    curves = _curves(options, scores)
    section = Section(tables=curves.tables())
    for cell, score in scores.items():
        for measure in _MEASURES:
            name = f"{cell.method}_{cell.labels}_{cell.repeat}_{measure}"
            section.metrics[name] = score[measure]
    most = curves.numbers[-1]
    for method, shown in curves.names.items():
        key = f"Accuracy with {most} labels, {shown}"
        section.key_numbers[key] = spread_text(*curves.at(method, most, "accuracy"))
    tested = len(subsets.test["label"])
    section.text.append(
        f"A classifier saw exactly the stated number of labels: a fifth of them chose the epoch of "
        f"a network or the ridge penalty of the logistic regression. The classes have the shares "
        f"that they have in the data; of one repeat, the larger samples hold the smaller ones. "
        f"Networks had at least {options.min_steps} steps. The test split was used for the "
        f"scores alone; its {tested} objects, the same for all, give an accuracy a standard error "
        f"of up to {0.5 / np.sqrt(tested):.3f}, which the deviations over repeats do not include."
    )
    shares = np.bincount(subsets.test["label"]) / tested
    section.figures.append(
        curves.figure(
            options.output_dir / "figures" / "learning_curve.png",
            "Accuracy and balanced accuracy on the test split against the number of labels",
            chance={
                "accuracy": ("largest class", shares.max()),
                "balanced_accuracy": ("chance", 1 / np.count_nonzero(shares)),
            },
        )
    )
    reports.write(
        reports.Report(
            title=f"Accuracy against labels, {options.run.data_name}",
            facts=_facts(options, subsets, scores),
            sections=[("learning_curve", "Learning curve", section)],
            commands=[options.command],
            versions=installed_versions(),
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def _facts(options: Options, subsets: LabelSubsets, scores: Mapping) -> dict[str, str]:
    done, wanted = len(scores), len(options.cells())
    return {
        "encoder": options.encoder,
        "dataset": options.run.data_name,
        "classes": ", ".join(subsets.spec.class_names),
        "objects": f"{subsets.size} to be labelled, {len(subsets.test['label'])} to test",
        "repeats": f"{options.repeats}, with other objects and seeds",
        "classifiers": f"{done} of {wanted}" if done < wanted else f"{done}",
        "time": f"{sum(score['seconds'] for score in scores.values()) / 60:.0f} min",
    }


def _curves(options: Options, scores: Mapping[Cell, Mapping[str, Any]]) -> LabelCurves:
    def of(method: str, labels: int) -> list[Mapping[str, Any]]:
        return [
            score
            for cell, score in scores.items()
            if (cell.method, cell.labels) == (method, labels)
        ]

    names = {method: METHODS[method] for method in options.methods}
    return LabelCurves(sorted({cell.labels for cell in scores}), names, _MEASURES, of)
