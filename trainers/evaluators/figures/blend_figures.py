"""Panels that compare a blend classifier with SEP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from trainers.blends.truth import CLOSE
from trainers.evaluators import plot_style
from trainers.evaluators.statistics.ranking import Interval, as_columns
from trainers.evaluators.statistics.rates import BinnedRates

__all__ = ["MODEL_COLOUR", "SEP_COLOUR", "draw_by_separation", "draw_kinds"]

MODEL_COLOUR = plot_style.COLOURS[0]
SEP_COLOUR = plot_style.COLOURS[1]


def draw_by_separation(
    axes: Axes, model: BinnedRates, sep: BinnedRates, name: str, intervals: bool = True
) -> None:
    """Draws the accuracy on blends against their separation, the gain over SEP shaded.

    Args:
        axes: The panel.
        model: Of the model, in bins of separation.
        sep: Of SEP, in the same bins.
        name: Name of the model.
        intervals: Whether the 95 % intervals are drawn.
    """
    x = model.centres
    both = np.isfinite(model.value) & np.isfinite(sep.value)
    axes.fill_between(
        x,
        sep.value,
        model.value,
        where=both & (model.value >= sep.value),
        interpolate=True,
        color=MODEL_COLOUR,
        alpha=0.2,
        linewidth=0,
        label="gain over SEP",
    )
    for rates, label, colour, style, shift in (
        (model, name, MODEL_COLOUR, "-", 0.0),
        (sep, "SEP", SEP_COLOUR, "--", 0.15 if intervals else 0.0),
    ):
        bars = plot_style.error_bars(rates.value, rates.low, rates.high)
        axes.errorbar(
            x + shift,
            rates.value,
            yerr=bars if intervals else None,
            color=colour,
            linestyle=style,
            linewidth=1.5,
            elinewidth=0.8,
            marker="o",
            markersize=3,
            label=label,
        )
    axes.axvline(CLOSE, color="0.6", linewidth=1, linestyle=":", zorder=0)
    axes.set(
        xlabel="Separation (px)",
        ylabel="Fraction of blends recognised",
        xlim=(0, model.edges[-1]),
        ylim=(-0.02, 1.04),
    )


def draw_kinds(
    axes: Axes, rates: Mapping[str, Sequence[Interval]], names: Sequence[str], kinds: Sequence[str]
) -> None:
    """Draws the fraction of right answers for each kind of stamp.

    Args:
        axes: The panel.
        rates: For each kind of stamp, one number for each classifier.
        names: Names of the classifiers, the model first.
        kinds: Names of the kinds as they are to be shown, in the order of `rates`.
    """
    colours, markers = (MODEL_COLOUR, SEP_COLOUR, SEP_COLOUR), ("o", "s", "D")
    for index, name in enumerate(names):
        value, low, high = as_columns(several[index] for several in rates.values())
        axes.errorbar(
            np.arange(len(value)) + 0.16 * (index - (len(names) - 1) / 2),
            value,
            yerr=plot_style.error_bars(value, low, high),
            fmt=markers[index],
            color=colours[index],
            markerfacecolor=colours[index] if index < 2 else "white",
            markersize=5,
            capsize=2,
            linewidth=1.2,
            label=name,
        )
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set(ylabel="Fraction right", xlim=(-0.5, len(kinds) - 0.5))
    axes.set_ylim(top=1.02)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
