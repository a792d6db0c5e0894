"""Rates of right answers against magnitude."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators.statistics.rates import BinnedRates

__all__ = ["draw_rates"]


def draw_rates(rates: Mapping[str, Mapping[str, BinnedRates]], magnitude: str) -> Figure:
    """Draws a panel for each rate, with a line for each classifier and its 95 % intervals.

    Args:
        rates: By classifier, rates in bins by name; the same names for all.
        magnitude: Label of the axis.
    """
    names = list(next(iter(rates.values())))
    figure, axes = plot_style.new_panels(
        len(names), 3, width=3.6, height=3.1, sharex=True, sharey=True
    )
    for panel, name in zip(axes, names, strict=True):
        for number, (title, of_classifier) in enumerate(rates.items()):
            bins = of_classifier[name]
            filled = bins.objects > 0
            shift = 0.04 * (number - (len(rates) - 1) / 2) * np.diff(bins.edges)
            bars = plot_style.error_bars(bins.value, bins.low, bins.high)[:, filled]
            panel.errorbar(
                (bins.centres + shift)[filled],
                bins.value[filled],
                yerr=bars,
                color=plot_style.class_colour(number),
                marker="o",
                markersize=4,
                capsize=2,
                label=title,
            )
        panel.set(title=name, xlabel=magnitude)
    # After the last panel, since it ends the search for the lowest point of all.
    axes[0].set_ylim(top=1.02)
    axes[0].set_ylabel("Fraction right")
    if len(rates) > 1:
        plot_style.legend_below(figure, axes[0], len(rates))
    return figure
