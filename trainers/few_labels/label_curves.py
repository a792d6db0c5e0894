"""Tables and figures of scores over the number of labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from trainers.evaluators import plot_style
from trainers.evaluators.section import FigureFile, Table
from trainers.few_labels.label_options import START, Cell

__all__ = ["LabelCurves", "Scores"]

Scores = Mapping[Cell, Mapping[str, float]]

_MARKERS = "osD^vP"


@dataclasses.dataclass(frozen=True)
class LabelCurves:
    """Scores of several methods over the number of labels and over repeats.

    Attributes:
        names: Names of the methods, with their titles in tables and legends.
        measures: Names of the scores, with their titles.
        scores: Scores of each classifier by measure.
    """

    names: Mapping[str, str]
    measures: Mapping[str, str]
    scores: Scores

    @property
    def numbers(self) -> list[int]:
        """Numbers of labels, rising."""
        return sorted({cell.labels for cell in self.scores})

    def at(self, name: str, number: int, measure: str) -> tuple[float, float]:
        """Returns mean and standard deviation (n - 1) over repeats; NaN where there are too few."""
        values = [
            score[measure]
            for cell, score in self.scores.items()
            if cell.labels == number and cell.method in (name, START)
        ]
        mean = np.mean(values) if values else np.nan
        return float(mean), float(np.std(values, ddof=1)) if len(values) > 1 else np.nan

    def text(self, name: str, number: int, measure: str) -> str:
        """Returns mean and standard deviation as text; empty where there is none."""
        mean, deviation = self.at(name, number, measure)
        if not np.isfinite(mean):
            return ""
        return f"{mean:.3f}" + (f" ± {deviation:.3f}" if np.isfinite(deviation) else "")

    def tables(self) -> list[Table]:
        """Returns a table for each measure."""
        return [
            Table(
                ["labels", *self.names.values()],
                [
                    [str(number)] + [self.text(name, number, measure) for name in self.names]
                    for number in self.numbers
                ],
                f"{title} on the test split, mean and standard deviation over repeats.",
            )
            for measure, title in self.measures.items()
        ]

    def figure(
        self,
        path: Path,
        caption: str,
        scale: str,
        levels: Mapping[str, tuple[str, float]],
    ) -> FigureFile:
        """Draws a panel for each measure.

        Args:
            path: File, in the folder `figures` of the report.
            caption: Caption; a remark on the bars is added.
            scale: Scale of the number of labels, "log" or "linear".
            levels: Name and value of a measure without learning.
        """
        with plot_style.style():
            figure, panels = plot_style.new_figure(1, len(self.measures), width=4.5, height=4.0)
            for panel, (measure, title) in zip(panels, self.measures.items(), strict=True):
                curves = {
                    shown: [self.at(name, number, measure) for number in self.numbers]
                    for name, shown in self.names.items()
                }
                _draw_curves(panel, self.numbers, curves, title, scale)
                if measure in levels:
                    _draw_level(panel, *levels[measure])
            plot_style.legend_below(figure, panels[0], columns=len(self.names))
            plot_style.save(figure, path)
        return FigureFile(
            f"{path.parent.name}/{path.name}",
            f"{caption}; bars are the standard deviation over repeats.",
        )


def _draw_curves(
    axes: Axes,
    numbers: Sequence[int],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    ylabel: str,
    scale: str,
) -> None:
    numbers = np.asarray(numbers, float)
    for index, (name, points) in enumerate(curves.items()):
        mean, deviation = np.transpose(points)
        finite = np.isfinite(mean)
        # Side by side, where bars would lie on each other.
        step = index - (len(curves) - 1) / 2
        beside = (
            numbers * 1.025**step if scale == "log" else numbers + 0.006 * step * np.ptp(numbers)
        )
        axes.errorbar(
            beside[finite],
            mean[finite],
            yerr=np.nan_to_num(deviation[finite]),
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=5,
            capsize=2,
            label=name,
            color=plot_style.class_colour(index),
        )
    axes.set_xscale(scale)
    if scale == "log":
        axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
        axes.minorticks_off()
        axes.set_xlim(numbers[0] / 1.3, numbers[-1] * 1.3)
    axes.set(xlabel="Number of labels", ylabel=ylabel)
    axes.grid(axis="y", color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)


def _draw_level(axes: Axes, name: str, value: float) -> None:
    axes.axhline(value, color="0.5", linewidth=1, linestyle=":", zorder=0)
    axes.annotate(
        name,
        (1, value),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        fontsize=8,
        color="0.4",
    )
