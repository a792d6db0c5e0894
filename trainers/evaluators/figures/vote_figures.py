"""Figures of predicted votes: calibration, coverage and example galaxies."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import display
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.vote_scores import VoteScores, coverage

__all__ = ["calibration", "coverage_curves", "galaxies"]

_BINS = 10
_FEWEST_IN_BIN = 5
_GALAXIES = 4
_QUESTIONS = 4
_COLUMNS = 5


def calibration(context: EvaluationContext, scores: VoteScores, asked: np.ndarray) -> FigureFile:
    """Draws, for each question, the observed share of the votes against the predicted share."""
    tree = context.model.tree
    shown = [index for index, span in enumerate(tree.spans) if asked[:, span].any()]
    columns = min(len(shown), _COLUMNS)
    rows = math.ceil(len(shown) / columns)
    figure, axes = plot_style.new_figure(rows, columns, width=3.1, height=3.1)
    for panel in axes[len(shown) :]:
        panel.set_axis_off()
    edges = np.linspace(0, 1, _BINS + 1)
    for panel, index in zip(axes, shown, strict=False):
        panel.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":", zorder=0)
        span = tree.spans[index]
        for place in range(span.start, span.stop):
            _draw_bins(
                panel, scores, asked, place, edges, plot_style.class_colour(place - span.start)
            )
        panel.set(title=tree.names[index], xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        names = [answer_name(tree, place) for place in range(span.start, span.stop)]
        _legend(panel, names, "lower right")
    for number, panel in enumerate(axes):
        if number % columns == 0:
            panel.set_ylabel("Observed fraction of the votes")
        if number >= len(shown) - columns:
            panel.set_xlabel("Fraction predicted")
    return context.save_figure(
        figure,
        "vote_calibration",
        "Mean observed share of the votes for an answer against the mean predicted share, in "
        f"bins of the prediction with at least {_FEWEST_IN_BIN} galaxies. Bars are standard errors "
        "from the scatter between galaxies.",
    )


def coverage_curves(
    context: EvaluationContext, scores: VoteScores, asked: np.ndarray
) -> FigureFile:
    """Draws the share of votes that central intervals cover against their level."""
    tree = context.model.tree
    figure, (left, right) = plot_style.new_figure(1, 2, width=5.0, height=4.2)
    levels = np.linspace(0.02, 0.98, 49)
    lines = ("-", "--")
    for number, (name, span) in enumerate(zip(tree.names, tree.spans, strict=True)):
        chosen = asked[:, span]
        if not chosen.any():
            continue
        below, upto = scores.below[:, span][chosen], scores.upto[:, span][chosen]
        left.plot(
            levels,
            [coverage(below, upto, level) - level for level in levels],
            color=plot_style.class_colour(number % 5),
            linestyle=lines[number // 5 % 2],
            linewidth=1.2,
            label=name,
        )
    below, upto = scores.below[asked], scores.upto[asked]
    together = [coverage(below, upto, level) - level for level in levels]
    left.plot(levels, together, color="black", linewidth=2.5, label="all")
    left.axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    limit = max(0.15, 1.05 * max(abs(value) for line in left.lines for value in line.get_ydata()))
    left.set(
        xlabel="Level of the central interval",
        ylabel="Covered share of votes - level",
        title="Coverage",
        xlim=(0, 1),
        ylim=(-limit, limit),
    )
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
    edges = np.linspace(0, 1, 21)
    heights = _pit(below, upto, edges)
    right.stairs(heights, edges, color=plot_style.COLOURS[0], fill=True, alpha=0.35)
    right.stairs(heights, edges, color=plot_style.COLOURS[0])
    right.axhline(1, color="0.6", linewidth=1, linestyle=":")
    right.set(
        xlabel="Place of the votes in their predicted distribution",
        ylabel="Density",
        title="Probability integral transform",
        xlim=(0, 1),
        ylim=(0, max(1.6, 1.1 * heights.max())),
    )
    return context.save_figure(
        figure,
        "vote_coverage",
        "Left: coverage of central credible intervals minus their level; predictions are too wide "
        "above zero and too narrow below. Right: probability integral transform of the votes, for "
        "all answers; correct predictions are flat, too narrow ones high at the ends, too wide "
        "ones in the middle.",
    )


def galaxies(context: EvaluationContext, scores: VoteScores) -> FigureFile:
    """Draws some galaxies with the predicted distributions of votes and the observed votes."""
    tree = context.model.tree
    chosen = context.subset(_GALAXIES, "votes/galaxies")
    answer = {name: values[chosen] for name, values in context.outputs("call").items()}
    volunteers = tree.totals(scores.votes[chosen]).numpy()
    most = int(volunteers.max())
    probabilities = context.model.distribution(answer).answer_probabilities(volunteers, most)
    questions = min(_QUESTIONS, len(tree.names))
    figure, axes = plot_style.new_figure(len(chosen), 1 + questions, width=2.75, height=2.3)
    panels = np.array(axes).reshape(len(chosen), 1 + questions)
    images = context.images[chosen]
    pictures, origin = _pictures(context, images)
    for row, picture in enumerate(pictures):
        plot_style.blank(panels[row, 0]).imshow(picture, origin=origin)
        panels[row, 0].set_title(str(context.ids[chosen[row]]), fontsize=8)
        # The questions that most volunteers answered, in the order of the tree.
        order = np.sort(np.argsort(-volunteers[row], kind="stable")[:questions])
        for panel, number in zip(panels[row, 1:], order, strict=True):
            asked = int(volunteers[row, number])
            if not asked:
                panel.set_axis_off()
                continue
            _draw_votes(panel, tree, number, probabilities[row].numpy(), asked)
            _draw_observed(panel, tree, number, scores.votes[chosen[row]], asked)
        panels[row, 1].set_ylabel("Probability")
    for panel in panels[-1, 1:]:
        panel.set_xlabel("Share of the votes")
    return context.save_figure(
        figure,
        "vote_galaxies",
        "Galaxies drawn at random, with the questions that most volunteers answered (their number "
        "in brackets). Steps: predicted distribution of the votes for each answer, over their "
        "number; lines with a triangle: observed votes.",
    )


def answer_name(tree, place: int) -> str:
    """Returns the name of an answer without that of its question."""
    return tree.answers[place].removeprefix(f"{tree.names[tree.question_of[place]]}_")


def _draw_bins(panel: Axes, scores, asked, place, edges, colour) -> None:
    chosen = asked[:, place]
    predicted, votes = scores.fractions[chosen, place], scores.votes[chosen, place]
    volunteers = scores.volunteers[chosen, place]
    group = np.clip(np.digitize(predicted, edges) - 1, 0, len(edges) - 2)
    points = []
    for index in range(len(edges) - 1):
        inside = group == index
        if inside.sum() >= _FEWEST_IN_BIN:
            observed = votes[inside] / volunteers[inside]
            error = observed.std(ddof=1) / np.sqrt(inside.sum())
            points.append((predicted[inside].mean(), observed.mean(), error))
    if points:
        x, y, error = np.array(points).T
        panel.errorbar(
            x, y, yerr=error, color=colour, marker="o", markersize=3.5, capsize=0, linewidth=1.2
        )


def _draw_votes(panel: Axes, tree, number: int, probabilities, asked: int) -> None:
    span = tree.spans[number]
    edges = (np.arange(asked + 2) - 0.5) / asked
    highest = 0.0
    for place in range(span.start, span.stop):
        heights = probabilities[place, : asked + 1]
        highest = max(highest, heights.max())
        colour = plot_style.class_colour(place - span.start)
        panel.stairs(heights, edges, color=colour, linewidth=1.2)
        panel.stairs(heights, edges, color=colour, alpha=0.15, fill=True)
    panel.set_title(f"{tree.names[number]} ({asked})", fontsize=9)
    # Room for the names above the steps.
    room = 1.15 + 0.11 * (span.stop - span.start)
    panel.set(xlim=(-0.06, 1.06), ylim=(0, room * highest))
    names = [answer_name(tree, place) for place in range(span.start, span.stop)]
    _legend(panel, names, "upper center")


def _draw_observed(panel: Axes, tree, number: int, votes, asked: int) -> None:
    span = tree.spans[number]
    top = panel.get_ylim()[1]
    room = 1.15 + 0.11 * (span.stop - span.start)
    for place in range(span.start, span.stop):
        colour = plot_style.class_colour(place - span.start)
        share, height = votes[place] / asked, 1.05 * top / room
        panel.plot([share, share], [0, height], color=colour, linewidth=1.0, linestyle=":")
        panel.plot(share, height, color=colour, marker="v", markersize=5, clip_on=False)


def _legend(panel: Axes, names, place: str) -> None:
    for index, name in enumerate(names):
        panel.plot([], [], color=plot_style.class_colour(index), label=name)
    columns = 2 if place == "upper center" else 1
    panel.legend(
        loc=place, fontsize=7, handlelength=1.0, labelspacing=0.2, ncols=columns, columnspacing=0.8
    )


def _pictures(context: EvaluationContext, images: np.ndarray) -> tuple[np.ndarray, str]:
    stretch = display.Stretch(images, context.spec.bands)
    if "0-255" in context.spec.units and images.shape[-1] == 3:
        # Stretched already, as the volunteers saw them.
        return np.clip(images[..., list(stretch.composite)] / 255, 0, 1), "upper"
    return stretch.pictures(images), stretch.origin


def _pit(below: np.ndarray, upto: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Returns the density of the transform in bins, each number of votes spread over its range."""
    width = np.maximum(upto - below, 1e-7)
    overlap = np.minimum(below + width, edges[1:, None]) - np.maximum(below, edges[:-1, None])
    return (np.clip(overlap, 0, None) / width).mean(axis=1) / np.diff(edges)
