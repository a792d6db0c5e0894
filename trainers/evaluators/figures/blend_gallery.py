"""The worst mistakes of a blend classifier, with the true positions of the sources."""

from __future__ import annotations

import numpy as np

from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth
from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile

__all__ = ["draw_mistakes", "worst_mistakes"]

_COLUMNS = 6
_ROWS = 2
_SEP_SAYS = {
    sep_baseline.BLENDED: "blended",
    sep_baseline.ISOLATED: "isolated",
    sep_baseline.FAILURE: "failure",
}


def worst_mistakes(
    blended: np.ndarray, probability: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of the most confident mistakes, worst first.

    Args:
        blended: (number,) bool.
        probability: (number,) in [0, 1], of being blended.
        number: How many of each kind at most.

    Returns:
        Rows of missed blends and of false alarms.
    """
    order = np.argsort(probability, kind="stable")
    missed = order[blended[order] & (probability[order] <= 0.5)]
    alarms = order[::-1][~blended[order[::-1]] & (probability[order[::-1]] > 0.5)]
    return missed[:number], alarms[:number]


def draw_mistakes(
    context: EvaluationContext, truth: BlendTruth, probability: np.ndarray, sep_labels: np.ndarray
) -> FigureFile:
    """Draws the most confident mistakes.

    Args:
        context: The evaluation.
        truth: The truth of the stamps.
        probability: (number,), of being blended.
        sep_labels: (number,), what SEP says, see `trainers.blends.sep_baseline`.

    Returns:
        The saved figure.
    """
    missed, alarms = worst_mistakes(truth.blended, probability, _ROWS * _COLUMNS)
    figure, axes = plot_style.new_figure(2 * _ROWS, _COLUMNS, width=1.75, height=2.25)
    figure.get_layout_engine().set(h_pad=0.06)
    for panel in axes:
        plot_style.blank(panel)
        panel.set_visible(False)
    half = _ROWS * _COLUMNS
    for name, rows, panels in (
        ("missed blends", missed, axes[:half]),
        ("false alarms", alarms, axes[half:]),
    ):
        for place, (row, panel) in enumerate(zip(rows, panels, strict=False)):
            panel.set_visible(True)
            panel.set_ylabel(name if place % _COLUMNS == 0 else "")
            _draw_stamp(context, panel, row, truth)
            apart = truth.separation[row]
            kind = "isolated" if np.isnan(apart) else f"{apart:.1f} px apart"
            panel.set_title(f"P = {probability[row]:.3f}\n{kind}", fontsize=8.5, pad=3)
            panel.set_xlabel(f"SEP: {_SEP_SAYS[int(sep_labels[row])]}", fontsize=8, labelpad=2)
    return context.save_figure(
        figure,
        "blend_mistakes",
        f"The most confident mistakes. Upper {_ROWS} rows: blends that were called isolated, "
        f"{(truth.blended & (probability <= 0.5)).sum()} in all. Lower {_ROWS} rows: isolated "
        f"sources that were called blended, {(~truth.blended & (probability > 0.5)).sum()} in "
        "all. P is the probability of a blend; circles mark the true positions, and what SEP "
        "says stands below. Each stamp has its own scale.",
    )


def _draw_stamp(context: EvaluationContext, panel, row: int, truth: BlendTruth) -> None:
    image = context.images[row : row + 1]
    stretch = Stretch(image, context.spec.bands)
    panel.imshow(stretch.pictures(image)[0], origin=stretch.origin)
    centre = np.array([image.shape[2] - 1, image.shape[1] - 1]) / 2
    offsets = truth.offsets[row]
    positions = np.concatenate([[[0.0, 0.0]], offsets[np.isfinite(offsets).all(axis=-1)]])
    panel.plot(
        *(centre + positions).T,
        "o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=plot_style.COLOURS[5],
        markeredgewidth=0.9,
    )
