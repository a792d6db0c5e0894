"""Figures of the forests of several tasks: accuracies, confusion matrices, importances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.statistics.task_probe import TaskResult

__all__ = ["accuracies", "confusions", "importances"]

_COLUMNS = 3


def accuracies(results: Sequence[TaskResult]) -> Figure:
    """Draws accuracy and balanced accuracy of each task over the share of its largest class."""
    figure, (axes,) = plot_style.new_figure(width=6.4, height=1.3 + 0.36 * len(results))
    rows = np.arange(len(results))
    axes.barh(
        rows,
        [result.majority for result in results],
        color="0.88",
        height=0.62,
        label="largest class",
    )
    axes.errorbar(
        [result.test.accuracy for result in results],
        rows,
        xerr=[result.test.accuracy_error for result in results],
        fmt="o",
        capsize=2,
        color=plot_style.COLOURS[0],
        label="accuracy",
    )
    axes.plot(
        [result.test.balanced_accuracy for result in results],
        rows,
        "D",
        markersize=5,
        color=plot_style.COLOURS[1],
        label="balanced accuracy",
    )
    compared = [row for row in rows if results[row].published]
    if compared:
        axes.plot(
            [results[row].published.test for row in compared],
            compared,
            "s",
            markersize=8,
            markerfacecolor="none",
            color="black",
            label="published accuracy",
        )
    axes.set_yticks(rows, [result.title for result in results])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.02), xlabel="Accuracy")
    axes.grid(axis="x", color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def confusions(results: Sequence[TaskResult]) -> Figure:
    """Draws the confusion matrix of each task."""
    figure, panels = plot_style.new_panels(len(results), _COLUMNS, width=4.3, height=4.0)
    for index, (panel, result) in enumerate(zip(panels, results, strict=True)):
        draw_confusion(panel, result.matrix, result.classes)
        panel.set_title(f"{result.title} ({len(result.test.truth)} objects)")
        if index % _COLUMNS:
            panel.set_ylabel("")
        if index + _COLUMNS < len(results):
            panel.set_xlabel("")
    return figure


def importances(results: Sequence[TaskResult]) -> Figure:
    """Draws the importance of each latent for each task, relative to that of equal shares."""
    relative = np.array([result.importance * len(result.importance) for result in results])
    width = min(13.0, 2.6 + 0.25 * relative.shape[1])
    figure, (axes,) = plot_style.new_figure(width=width, height=1.3 + 0.32 * len(results))
    top = max(2.0, float(np.quantile(relative, 0.99)))
    drawn = axes.imshow(relative, cmap=plot_style.CONTINUOUS, aspect="auto", vmin=0, vmax=top)
    axes.set_yticks(range(len(results)), [result.title for result in results])
    axes.set(xlabel="Latent")
    step = 1 if relative.shape[1] <= 20 else 5
    axes.set_xticks(range(0, relative.shape[1], step))
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, pad=0.01, extend="max")
    bar.set_label("Importance / equal share")
    return figure
