"""The report of `python -m trainers.learning_curve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers import report as reports
from trainers.evaluators import figures
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.few_labels.label_curves import draw_curves, spread, spread_text
from trainers.learning_curve import METHODS, Cell, Options
from trainers.run_folder import installed_versions

if TYPE_CHECKING:
    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["write"]

_MEASURES = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy"}


def write(
    options: Options, subsets: LabelSubsets, scores: Mapping[Cell, Mapping[str, Any]]
) -> Path:
    """Writes `report.md`, `metrics.json` and the figure.

    Args:
        options: What was asked for.
        subsets: The data.
        scores: Numbers of each classifier so far.

    Returns:
        The path of the report.
    """
    section = Section()
    for measure, title in _MEASURES.items():
        section.tables.append(_table(options, scores, measure, title))
    for cell, score in scores.items():
        for measure in _MEASURES:
            name = f"{cell.method}_{cell.labels}_{cell.repeat}_{measure}"
            section.metrics[name] = score[measure]
    most = max(cell.labels for cell in scores)
    for method in options.methods:
        mean, error = _of(scores, method, most, "accuracy")
        section.key_numbers[f"Accuracy with {most} labels, {METHODS[method]}"] = spread_text(
            mean, error
        )
    tested = len(subsets.test["label"])
    section.text.append(
        f"Each number of labels is all that a classifier saw: a fifth of them chose the epoch of "
        f"a network or the ridge penalty of the logistic regression. The classes have the shares "
        f"that they have in the data; of one repeat, the larger samples hold the smaller ones. "
        f"Networks had at least {options.min_steps} steps. The test split chose nothing; its "
        f"{tested} objects, the same for all, leave an accuracy a standard error of up to "
        f"{0.5 / np.sqrt(tested):.3f}, which the deviations over repeats do not hold."
    )
    section.figures.append(_figure(options, subsets, scores))
    reports.write(
        reports.Report(
            title=f"Accuracy against labels, {options.run.data_name}",
            facts=_facts(options, subsets, scores),
            sections=[("learning_curve", "Learning curve", section)],
            commands=[f"python -m trainers.learning_curve {options.arguments}"],
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


def _of(scores: Mapping, method: str, labels: int, measure: str) -> tuple[float, float]:
    values = [
        score[measure]
        for cell, score in scores.items()
        if (cell.method, cell.labels) == (method, labels)
    ]
    return spread(values)


def _table(options: Options, scores: Mapping, measure: str, title: str) -> Table:
    rows = [
        [str(number)]
        + [spread_text(*_of(scores, method, number, measure)) for method in options.methods]
        for number in sorted({cell.labels for cell in scores})
    ]
    return Table(
        ["labels", *(METHODS[method] for method in options.methods)],
        rows,
        f"{title} on the test split, mean and standard deviation over repeats.",
    )


def _figure(options: Options, subsets: LabelSubsets, scores: Mapping) -> FigureFile:
    labels = sorted({cell.labels for cell in scores})
    shares = np.bincount(subsets.test["label"]) / len(subsets.test["label"])
    chance = {"accuracy": shares.max(), "balanced_accuracy": 1 / np.count_nonzero(shares)}
    names = {"accuracy": "largest class", "balanced_accuracy": "chance"}
    with figures.style():
        figure, panels = figures.new_figure(1, 2, width=4.4, height=4.0)
        for panel, (measure, title) in zip(panels, _MEASURES.items(), strict=True):
            curves = {
                METHODS[method]: [_of(scores, method, number, measure) for number in labels]
                for method in options.methods
            }
            draw_curves(panel, labels, curves, title)
            panel.axhline(chance[measure], color="0.5", linewidth=1, linestyle=":", zorder=0)
            panel.annotate(
                names[measure],
                (1, chance[measure]),
                xycoords=("axes fraction", "data"),
                xytext=(-2, 3),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                color="0.4",
            )
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        path = options.output_dir / "figures" / "learning_curve.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    return FigureFile(
        "figures/learning_curve.png",
        "Accuracy and balanced accuracy on the test split against the number of labels; bars are "
        "the standard deviation over repeats.",
    )
