"""ROC curves of several scores in one panel."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from sklearn import metrics

from trainers.evaluators.statistics import ranking

__all__ = ["Curve", "draw_roc"]

_BAND_RESAMPLES = 300


@dataclasses.dataclass(frozen=True)
class Curve:
    """A score to be drawn.

    Attributes:
        label: Name in the legend.
        positive: (number,) bool.
        score: (number,), larger for positives.
        colour: Colour of the line.
        auc: Area with its interval.
        linestyle: Matplotlib line style.
    """

    label: str
    positive: np.ndarray
    score: np.ndarray
    colour: str
    auc: ranking.Interval
    linestyle: str = "-"


def draw_roc(axes: Axes, curves: Sequence[Curve], counts: np.ndarray, positive_name: str) -> None:
    """Draws ROC curves with their pointwise 95 % bands.

    Args:
        axes: The panel.
        curves: Scores of the same objects.
        counts: Bootstrap resamples of these objects, see `ranking.resample_counts`.
        positive_name: Name of the positives, for the axis labels; empty for one against the rest.
    """
    grid = np.linspace(0, 1, 201)
    for curve in curves:
        low, high = ranking.roc_band(curve.positive, curve.score, counts[:_BAND_RESAMPLES], grid)
        axes.fill_between(grid, low, high, color=curve.colour, alpha=0.2, linewidth=0)
        false_rate, true_rate, _ = metrics.roc_curve(curve.positive, curve.score)
        axes.plot(
            false_rate,
            true_rate,
            color=curve.colour,
            linestyle=curve.linestyle,
            label=f"{curve.label}\nAUC {curve.auc}",
        )
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=":", zorder=0)
    of_positives = f" ({positive_name} = positive)" if positive_name else ""
    axes.set(
        xlabel="False-positive rate",
        ylabel="True-positive rate",
        title=f"ROC{of_positives}",
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
    )
    axes.legend(loc="lower right", labelspacing=0.7)
