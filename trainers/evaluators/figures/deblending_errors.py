"""Errors of deblended fluxes and shapes against blendedness and magnitude."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy import units
from matplotlib.axes import Axes

from trainers.blends.deblending_truth import DeblendingTruth, Method
from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.flux_errors import binned, magnitude_error, robust_scatter
from trainers.evaluators.statistics.ranking import Interval, as_columns

__all__ = ["BLENDEDNESS_EDGES", "draw_bins", "draw_errors"]

BLENDEDNESS_EDGES = np.array([0.0, 1e-4, 0.003, 0.01, 0.03, 0.1, 0.2, 0.35, 0.6])
"""Bins of blendedness; galaxies without neighbours, and with faint ones, are in the first."""

_PLACES = np.arange(len(BLENDEDNESS_EDGES) - 1)
_LEAST_SNR = 5.0
_BINS = 8


def draw_errors(
    context: EvaluationContext,
    rows: np.ndarray,
    truth: DeblendingTruth,
    methods: Sequence[Method],
    true_shears: np.ndarray,
) -> list[FigureFile]:
    """Draws errors of fluxes and ellipticities in the reference band, with 95 % intervals.

    Args:
        context: The evaluation.
        rows: (number,), the stamps among those of the context.
        truth: Of the stamps.
        methods: Their fluxes and shears.
        true_shears: (number, 2).

    Returns:
        The saved figures.
    """
    return [
        _by_blendedness(context, truth, methods, true_shears),
        _by_brightness(context, truth, methods),
    ]


def _by_blendedness(context, truth, methods, true_shears) -> FigureFile:
    band, generator = context.reference_band, context.generator("deblending errors")
    judged = truth.snr[:, band] >= _LEAST_SNR
    figure, axes = plot_style.new_figure(1, 3, width=4.0, height=3.6)
    for number, method in enumerate(methods):
        errors = magnitude_error(method.flux[:, band], truth.flux[:, band])
        errors = np.where(judged, errors, np.nan)
        shape = (method.shears - true_shears)[:, 0]
        for panel, statistic, values in zip(
            axes, (np.median, robust_scatter, robust_scatter), (errors, errors, shape), strict=True
        ):
            place = truth.blendedness
            bins = binned(statistic, values, place, BLENDEDNESS_EDGES, generator)
            draw_bins(panel, bins, _PLACES, method.title, number)
    name = context.spec.bands[band]
    labels = (f"median error of {name} (mag)", f"robust scatter of {name} (mag)", "scatter of e1")
    edges = [f"{edge:g}" for edge in BLENDEDNESS_EDGES]
    for panel, label in zip(axes, labels, strict=True):
        panel.set(xlabel="blendedness", ylabel=label)
        panel.set_xticks(np.arange(len(edges)) - 0.5, edges, rotation=45)
    axes[0].axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    for panel in axes[1:]:
        panel.set_yscale("log")
        plot_style.plain_numbers(panel.yaxis)
    plot_style.legend_below(figure, axes[0], len(methods))
    return context.save_figure(
        figure,
        "deblending_blendedness",
        "Errors of the targets by their blendedness, in bins between the ticks, with 95 % "
        f"intervals by the bootstrap: magnitudes in {name} (median and robust scatter), and the "
        "robust scatter of the ellipticity by KSB.",
    )


def _by_brightness(context, truth, methods) -> FigureFile:
    band, generator = context.reference_band, context.generator("deblending brightness")
    label, place = _brightness(context, truth.flux[:, band])
    blended = ~truth.alone
    figure, axes = plot_style.new_figure(1, 2, width=4.6, height=3.6)
    low, high = np.nanpercentile(place, [0.5, 99.5])
    edges = np.linspace(low, high, _BINS + 1)
    for number, method in enumerate(methods):
        errors = magnitude_error(method.flux[:, band], truth.flux[:, band])
        errors = np.where(blended, errors, np.nan)
        for panel, statistic in zip(axes, (np.median, robust_scatter), strict=True):
            bins = binned(statistic, errors, place, edges, generator)
            draw_bins(panel, bins, 0.5 * (edges[1:] + edges[:-1]), method.title, number)
    name = context.spec.bands[band]
    axes[0].set(xlabel=label, ylabel=f"median error of {name} (mag)")
    axes[0].axhline(0, color="0.6", linewidth=1, linestyle=":", zorder=0)
    axes[1].set(xlabel=label, ylabel=f"robust scatter of {name} (mag)", yscale="log")
    plot_style.plain_numbers(axes[1].yaxis)
    plot_style.legend_below(figure, axes[0], len(methods))
    return context.save_figure(
        figure,
        "deblending_brightness",
        f"Errors of the {name} magnitude of targets with neighbours, by the target's brightness: "
        "median and robust scatter, with 95 % intervals.",
    )


def _brightness(context: EvaluationContext, flux: np.ndarray) -> tuple[str, np.ndarray]:
    """Returns label and values: AB magnitudes where the units allow, else logarithms."""
    name = context.spec.bands[context.reference_band]
    try:
        magnitude = units.Quantity(flux, context.spec.units).to_value(units.ABmag)
    except (TypeError, ValueError, units.UnitConversionError):
        return f"log10 of the {name} flux", np.log10(np.maximum(flux, 1e-30))
    return f"{name} (AB mag)", magnitude


def draw_bins(
    panel: Axes, bins: Sequence[Interval | None], places: np.ndarray, title: str, number: int
) -> None:
    """Draws one method's statistic with its intervals.

    Args:
        panel: Where.
        bins: What `binned` returned.
        places: (bins,), where each lies on the axis.
        title: Name of the method in the legend.
        number: Index of the method, for its colour and its place beside the others.
    """
    filled = np.array([each is not None for each in bins])
    if not filled.any():
        return
    value, low, high = as_columns(each for each in bins if each is not None)
    # Side by side, so that no interval hides another.
    step = np.diff(places).min() if len(places) > 1 else 1.0
    panel.errorbar(
        places[filled] + (number - 1) * 0.12 * step,
        value,
        plot_style.error_bars(value, low, high),
        color=plot_style.class_colour(number),
        label=title,
        marker="o",
        markersize=4,
        linewidth=1.2,
    )
