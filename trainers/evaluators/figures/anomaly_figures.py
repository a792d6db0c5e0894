"""Figures of anomaly scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.ranking import Interval, as_columns

if TYPE_CHECKING:
    from trainers.evaluators.context import EvaluationContext

__all__ = ["EXAMPLES", "draw_areas", "draw_examples"]

EXAMPLES = 6
"""Objects that are shown with each kind of anomaly."""

_Areas = Mapping[str, Mapping[str, Interval]]


def draw_areas(context: EvaluationContext, injected: _Areas, classes: _Areas) -> FigureFile:
    """Draws the AUC of each score, by kind of injected anomaly and by class.

    Args:
        context: The evaluation.
        injected: AUC with its interval by score and kind.
        classes: Likewise by class; may be empty.
    """
    parts = [part for part in (injected, classes) if part]
    groups = [list(next(iter(part.values()))) for part in parts]
    most = max(map(len, groups))
    figure, axes = plot_style.new_figure(1, len(parts), width=1.0 + 1.2 * most, height=4.2)
    for panel, part, names in zip(axes, parts, groups, strict=True):
        width = 0.85 / len(part)
        for row, (score, by_group) in enumerate(part.items()):
            value, low, high = as_columns(by_group[name] for name in names)
            place = np.arange(len(names)) + (row - (len(part) - 1) / 2) * width
            error = {"elinewidth": 0.8, "ecolor": "0.25"}
            panel.bar(
                place,
                value,
                0.9 * width,
                yerr=[value - low, high - value],
                error_kw=error,
                color=plot_style.COLOURS[row % len(plot_style.COLOURS)],
                # More scores than colours.
                hatch="////" if row >= len(plot_style.COLOURS) else None,
                edgecolor="white",
                linewidth=0,
                label=score,
            )
        panel.axhline(0.5, color="0.4", linewidth=0.8, linestyle="--")
        panel.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
        # Bars of one width in both panels.
        middle = (len(names) - 1) / 2
        panel.set(ylabel="AUC", ylim=(0, 1.0), xlim=(middle - most / 2, middle + most / 2))
    axes[0].set_title("Injected anomalies")
    if len(parts) > 1:
        axes[1].set_title("Classes of the dataset")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return context.save_figure(
        figure, "anomalies", "AUC of each score with 95 % intervals; dashed: no skill."
    )


def draw_examples(
    context: EvaluationContext, chosen: np.ndarray, examples: Mapping[str, np.ndarray]
) -> FigureFile:
    """Draws some objects as they are and with each kind of anomaly.

    Args:
        context: The evaluation.
        chosen: Indices of the objects.
        examples: Copies of the first of them by kind, (number, height, width, bands).
    """
    number = len(next(iter(examples.values())))
    originals = context.images[chosen[:number]]
    stretch = Stretch(originals, context.spec.bands)
    rows = {"as it is": originals, **examples}
    figure, axes = plot_style.new_figure(len(rows), number, width=1.3, height=1.35)
    for row, (kind, images) in enumerate(rows.items()):
        panels = axes[row * number : (row + 1) * number]
        for panel, picture in zip(panels, stretch.pictures(images), strict=True):
            plot_style.blank(panel).imshow(picture, origin=stretch.origin)
        panels[0].set_ylabel(kind)
    return context.save_figure(
        figure,
        "injected_anomalies",
        "Objects as they are, and copies with each kind of injected anomaly.",
    )
