"""Probability thresholds: purity, completeness and false-positive rate of each class."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.axes import Axes

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.ranking import Interval, as_columns
from trainers.evaluators.statistics.rates import wilson_interval

__all__ = ["Selection", "evaluate_thresholds", "select_above"]

# Those of Dominguez Sanchez et al. 2018 (MNRAS 476, 3661).
_THRESHOLDS = (0.2, 0.5, 0.8)
_GRID = np.linspace(0.0, 1.0, 101)
_COLUMNS = 4
_LINES = (
    ("purity", "-", "Purity (precision)"),
    ("completeness", "--", "Completeness (true-positive rate)"),
    ("false_positive_rate", ":", "False-positive rate"),
)


@dataclasses.dataclass(frozen=True)
class Selection:
    """Objects whose probability is at least a threshold, counted for several thresholds.

    Attributes:
        thresholds: (number,).
        true_positives: (number,), selected objects of the class.
        false_positives: (number,), selected objects of others.
        positives: Objects of the class.
        negatives: All others.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    positives: int
    negatives: int

    def fraction(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns numerator and denominator of one of these fractions, (number,) each.

        purity                 TP / (TP + FP)
        completeness           TP / positives
        false_positive_rate    FP / negatives
        accuracy               (TP + negatives - FP) / (positives + negatives)
        """
        right, wrong = self.true_positives, self.false_positives
        everything = np.full_like(right, self.positives + self.negatives)
        return {
            "purity": (right, right + wrong),
            "completeness": (right, np.full_like(right, self.positives)),
            "false_positive_rate": (wrong, np.full_like(right, self.negatives)),
            "accuracy": (right + self.negatives - wrong, everything),
        }[name]

    def interval(self, name: str) -> list[Interval]:
        """Returns a fraction with Wilson's 95 % interval at each threshold; NaN without objects."""
        numerator, denominator = self.fraction(name)
        value = np.where(denominator > 0, numerator / np.maximum(denominator, 1), np.nan)
        ends = wilson_interval(numerator, denominator)
        return [Interval(*map(float, each)) for each in zip(value, *ends, strict=True)]


def select_above(
    positive: np.ndarray, probability: np.ndarray, thresholds: np.ndarray
) -> Selection:
    """Counts the objects whose probability is at least a threshold.

    Args:
        positive: (number,) bool, whether an object is of the class.
        probability: (number,), of being of the class.
        thresholds: Those to count at.
    """
    thresholds = np.asarray(thresholds, np.float64)

    def selected(values: np.ndarray) -> np.ndarray:
        return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")

    return Selection(
        thresholds,
        selected(probability[positive]),
        selected(probability[~positive]),
        int(positive.sum()),
        int((~positive).sum()),
    )


@register("thresholds", title="Probability thresholds", needs=("labels", "probability"))
def evaluate_thresholds(context: EvaluationContext) -> Section:
    """Scores the sample of each class selected by P >= 0.2, 0.5 or 0.8, against the rest."""
    labels, probability = context.labels, context.probability()
    names = context.class_names
    present = [index for index in range(len(names)) if (labels == index).any()]
    section = Section()
    rows = []
    for index in present:
        selection = select_above(labels == index, probability[:, index], _THRESHOLDS)
        rows += _rows(section, names[index], selection)
    section.text.append(
        f"Each class is selected by its probability being at least P and compared with all others: "
        f"{len(labels)} objects of the {context.split} split. Wilson intervals, 95 %."
    )
    section.tables.append(
        Table(
            [
                "class",
                "objects",
                "P",
                "completeness (TPR)",
                "purity (precision)",
                "false-positive rate",
                "accuracy",
            ],
            rows,
            "Completeness: fraction of the class that is selected. Purity: fraction of the "
            "selected objects that belong to the class; a dash where nothing is selected.",
        )
    )
    rarest = min(present, key=lambda index: (labels == index).sum())
    selection = select_above(labels == rarest, probability[:, rarest], [0.5])
    for name in ("completeness", "purity"):
        value = selection.interval(name)[0]
        section.key_numbers[f"{name.capitalize()} of '{names[rarest]}' at P = 0.5"] = _shown(value)
    section.figures.append(_draw(context, labels, probability, present))
    return section


def _rows(section: Section, name: str, selection: Selection) -> list[list[str]]:
    columns = ("completeness", "purity", "false_positive_rate", "accuracy")
    intervals = {column: selection.interval(column) for column in columns}
    rows = []
    for number, threshold in enumerate(selection.thresholds):
        values = {column: intervals[column][number] for column in columns}
        for column, value in values.items():
            if np.isfinite(value.value):
                section.metrics[f"{column}_{name}_{threshold:g}"] = value.value
        shown = map(_shown, values.values())
        rows.append([name, str(selection.positives), f"{threshold:g}", *shown])
    return rows


def _shown(value: Interval) -> str:
    return str(value) if np.isfinite(value.value) else "-"


def _draw(context, labels, probability, present) -> FigureFile:
    columns = min(len(present), _COLUMNS)
    width = 3.8 if columns < _COLUMNS else 3.0
    shared = {"sharex": True, "sharey": True}
    figure, axes = plot_style.new_panels(len(present), columns, width=width, height=3.2, **shared)
    for place, (panel, index) in enumerate(zip(axes, present, strict=True)):
        selection = select_above(labels == index, probability[:, index], _GRID)
        _draw_class(panel, selection, f"{context.class_names[index]} ({selection.positives})")
        # The panel below may be an empty one.
        if place + columns >= len(present):
            panel.set_xlabel("Threshold on the probability")
            panel.tick_params(labelbottom=True)
        if place % columns == 0:
            panel.set_ylabel("Fraction")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=1 if columns == 1 else 3)
    return context.save_figure(
        figure,
        "thresholds",
        "Purity, completeness and false-positive rate of each class (number of its objects) "
        "against the threshold on its probability, with 95 % bands. Vertical lines: the "
        "thresholds of the table.",
    )


def _draw_class(axes: Axes, selection: Selection, title: str) -> None:
    for colour, (name, linestyle, label) in enumerate(_LINES):
        value, low, high = as_columns(selection.interval(name))
        colour = plot_style.COLOURS[colour]
        axes.fill_between(selection.thresholds, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(selection.thresholds, value, color=colour, linestyle=linestyle, label=label)
    for threshold in _THRESHOLDS:
        axes.axvline(threshold, color="0.75", linewidth=0.8, zorder=0)
    axes.set(title=title, xlim=(0, 1), ylim=(-0.02, 1.02))
