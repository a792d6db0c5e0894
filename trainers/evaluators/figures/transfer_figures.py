"""Figures of the transfer between two surveys."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics import embedding
from trainers.evaluators.statistics.task_probe import TaskScore
from trainers.evaluators.statistics.transfer_scores import Survey, TaskTransfer

__all__ = ["draw_embeddings", "draw_scores"]

_EMBEDDED_OBJECTS = 700


def draw_scores(
    context: EvaluationContext,
    before: Mapping[str, TaskTransfer],
    after: Mapping[str, TaskTransfer],
    names: tuple[str, str],
) -> FigureFile:
    """Draws the accuracy of each task before and after.

    Args:
        context: Where the figure is kept.
        before: By task, with the encoder of the source.
        after: By task, with the adapted encoder.
        names: Of source and target.
    """
    marks = (
        ("source, before", "o", "0.6", "none", -0.27, [each.source for each in before.values()]),
        ("source, after", "o", "0.35", "0.35", -0.13, [each.source for each in after.values()]),
        ("target, before", "s", plot_style.COLOURS[1], "none", 0.04, _targets(before)),
        ("target, after", "s", plot_style.COLOURS[0], plot_style.COLOURS[0], 0.18, _targets(after)),
        (
            "target, own labels",
            "_",
            "black",
            "black",
            0.31,
            [each.bound for each in after.values()],
        ),
    )
    figure, (panel,) = plot_style.new_figure(width=1.8 + 0.95 * len(before), height=4.2)
    for label, marker, colour, face, offset, scores in marks:
        panel.errorbar(
            np.arange(len(scores)) + offset,
            [100 * score.accuracy for score in scores],
            yerr=[100 * score.accuracy_error for score in scores],
            fmt=marker,
            color=colour,
            markerfacecolor=face,
            markersize=9 if marker == "_" else 6,
            linewidth=1.2,
            label=label,
        )
    for edge in range(1, len(before)):
        panel.axvline(edge - 0.5, color="0.9", linewidth=0.8)
    panel.set_xticks(range(len(before)), [name.replace("_", " ") for name in before])
    panel.set(ylabel="Test accuracy (%)", xlabel="Task", xlim=(-0.5, len(before) - 0.5))
    figure.legend(loc="outside upper center", ncols=5, columnspacing=1.2, handletextpad=0.3)
    return context.save_figure(
        figure,
        "transfer",
        f"Accuracy of random forests that learnt from the labels of the source ({names[0]}), on "
        f"test objects of the source and of the target ({names[1]}), and of forests that learnt "
        "from the labels of the target. Bars are standard errors.",
    )


def _targets(transfers: Mapping[str, TaskTransfer]) -> list[TaskScore]:
    return [each.target for each in transfers.values()]


def draw_embeddings(
    context: EvaluationContext,
    surveys: Mapping[str, tuple[Survey, Survey]],
    names: tuple[str, str],
) -> FigureFile:
    """Draws the t-SNE of the latents of both surveys, once for each encoder.

    Args:
        context: Where the figure is kept.
        surveys: Source and target by title.
        names: Of source and target.
    """
    figure, panels = plot_style.new_figure(1, len(surveys), width=4.3, height=4.3)
    for panel, (title, both) in zip(panels, surveys.items(), strict=True):
        parts = [survey.latents["test"][:_EMBEDDED_OBJECTS] for survey in both]
        plane = embedding.tsne(np.concatenate(parts), 2, context.seed)
        side = np.repeat([0, 1], [len(part) for part in parts])
        # Mixed, so that neither survey lies on top of the other.
        order = context.generator("transfer").permutation(len(side))
        colours = np.array([plot_style.class_colour(index) for index in side])
        panel.scatter(*plane[order].T, s=9, alpha=0.6, linewidths=0, c=colours[order])
        plot_style.blank(panel).set(title=title, xlabel="t-SNE 1")
    panels[0].set_ylabel("t-SNE 2")
    for index, name in enumerate(names):
        panels[0].scatter([], [], color=plot_style.class_colour(index), label=name)
    figure.legend(loc="outside lower center", ncols=2)
    return context.save_figure(
        figure,
        "surveys",
        "t-SNE of the latents of test objects of both surveys, before and after the adaptation; "
        "the two panels are separate embeddings, whose axes have no meaning.",
    )
