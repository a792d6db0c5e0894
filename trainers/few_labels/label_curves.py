"""Tables and figures of several repeats over the number of labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from trainers.evaluators import plot_style
from trainers.evaluators.section import FigureFile, Table

__all__ = ["LabelCurves", "draw_curves", "spread", "spread_text"]

_MARKERS = "osD^vP"


@dataclasses.dataclass(frozen=True)
class LabelCurves:
    """Scores of several methods over the number of labels and over repeats.

    Attributes:
        numbers: Numbers of labels, rising.
        names: Names of the methods, with their titles in tables and legends.
        measures: Names of the scores, with their titles.
        scores: Returns the scores of all repeats of a method at a number of labels, by measure.
    """

    numbers: Sequence[int]
    names: Mapping[str, str]
    measures: Mapping[str, str]
    scores: Callable[[str, int], Sequence[Mapping[str, float]]]

    def at(self, name: str, number: int, measure: str) -> tuple[float, float]:
        """Returns mean and standard deviation over repeats, see `spread`."""
        return spread([score[measure] for score in self.scores(name, number)])

    def tables(self) -> list[Table]:
        """Returns a table for each measure."""
        return [
            Table(
                ["labels", *self.names.values()],
                [
                    [str(number)]
                    + [spread_text(*self.at(name, number, measure)) for name in self.names]
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
        scale: str = "log",
        chance: Mapping[str, tuple[str, float]] | None = None,
    ) -> FigureFile:
        """Draws a panel for each measure.

        Args:
            path: File, in the folder `figures` of the report.
            caption: Caption; a remark on the bars is added.
            scale: Of the number of labels, "log" (default) or "linear".
            chance: For a measure, name and value of the level without learning.
        """
        with plot_style.style():
            figure, panels = plot_style.new_figure(1, len(self.measures), width=4.5, height=4.0)
            for panel, (measure, title) in zip(panels, self.measures.items(), strict=True):
                curves = {
                    shown: [self.at(name, number, measure) for number in self.numbers]
                    for name, shown in self.names.items()
                }
                draw_curves(panel, self.numbers, curves, title, scale)
                if chance is not None:
                    _draw_level(panel, *chance[measure])
            legend = panels[0].get_legend_handles_labels()
            figure.legend(*legend, loc="outside lower center", ncols=len(self.names))
            plot_style.save(figure, path)
        return FigureFile(
            f"{path.parent.name}/{path.name}",
            f"{caption}; bars are the standard deviation over repeats.",
        )


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Returns mean and standard deviation (n - 1) of repeats; NaN where there are too few."""
    values = np.asarray(values, float)
    mean = values.mean() if len(values) else np.nan
    return float(mean), float(values.std(ddof=1)) if len(values) > 1 else np.nan


def spread_text(mean: float, deviation: float) -> str:
    """Returns both as text; empty where there is nothing."""
    if not np.isfinite(mean):
        return ""
    return f"{mean:.3f}" + (f" ± {deviation:.3f}" if np.isfinite(deviation) else "")


def draw_curves(
    axes: Axes,
    numbers: Sequence[int],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    ylabel: str,
    scale: str = "log",
) -> None:
    """Draws means with their standard deviations against the number of labels.

    Args:
        axes: The panel.
        numbers: Numbers of labels, rising.
        curves: For each name in the legend `spread` at each number.
        ylabel: Label of the vertical axis.
        scale: Of the numbers, "log" (default) or "linear".
    """
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
