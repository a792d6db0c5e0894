"""Figures and numbers over the number of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from trainers.evaluators import figures

__all__ = ["draw_curves", "spread", "spread_text"]

_MARKERS = "osD^vP"


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
        ylabel: What is drawn.
        scale: Of the numbers, "log" (default) or "linear".
    """
    numbers = np.asarray(numbers, float)
    for index, (name, points) in enumerate(curves.items()):
        mean, deviation = np.transpose(points)
        known = np.isfinite(mean)
        # Side by side, where bars would lie on each other.
        step = index - (len(curves) - 1) / 2
        beside = (
            numbers * 1.025**step if scale == "log" else numbers + 0.006 * step * np.ptp(numbers)
        )
        axes.errorbar(
            beside[known],
            mean[known],
            yerr=np.nan_to_num(deviation[known]),
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=5,
            capsize=2,
            label=name,
            color=figures.class_colour(index),
        )
    axes.set_xscale(scale)
    if scale == "log":
        axes.set_xticks(numbers, [f"{number:g}" for number in numbers])
        axes.minorticks_off()
        axes.set_xlim(numbers[0] / 1.3, numbers[-1] * 1.3)
    axes.set(xlabel="Number of labels", ylabel=ylabel)
    axes.grid(axis="y", color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
