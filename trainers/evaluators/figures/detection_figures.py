"""Completeness, purity and classes of detected sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import confusion_matrix

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.confusion import draw_confusion
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.detections import Comparison, DetectedSources, TrueSources
from trainers.evaluators.statistics.rates import BinnedRates, binned_rates

__all__ = ["draw_completeness", "draw_source_classes"]

_MARKERS = ("o", "s")
# Sources that ought to be detected, in the panel of separations.
_SURE = 10.0
# Distance between the points of two methods, share of the axis.
_ASIDE = 0.012


def draw_completeness(
    context: EvaluationContext,
    results: Mapping[str, tuple[DetectedSources, Comparison]],
    true: TrueSources,
    magnitude: np.ndarray,
    label: str,
) -> FigureFile:
    """Draws completeness by signal-to-noise ratio, magnitude and separation, and purity.

    Args:
        context: The evaluation.
        results: Detections of each method, and their comparison with the truth.
        true: The true sources.
        magnitude: (m,), of the true sources.
        label: Name of the magnitude.
    """
    figure, axes = plot_style.new_figure(2, 2, width=4.6, height=3.5)
    snr_edges = np.geomspace(2, 1000, 14)
    finite = magnitude[np.isfinite(magnitude) & true.inside]
    low, high = np.floor(finite.min(initial=20)), np.ceil(finite.max(initial=27))
    separations = np.array([0, 3, 5, 7, 10, 14, 20, 30, 50])
    sure = true.inside & (true.snr >= _SURE)
    for index, (name, (detected, comparison)) in enumerate(results.items()):
        look = {
            "label": name,
            "color": plot_style.COLOURS[index],
            "marker": _MARKERS[index % len(_MARKERS)],
        }
        right, inside = comparison.detected, true.inside
        _draw(axes[0], binned_rates(true.snr[inside], right[inside], snr_edges), look, True)
        bins = np.arange(low, high + 0.75, 0.75)
        _draw(axes[1], binned_rates(magnitude[inside], right[inside], bins), look)
        _draw(axes[2], binned_rates(true.separation[sure], right[sure], separations), look)
        edges = np.geomspace(1, 300, 10)
        whole = ~comparison.partial
        right = ~comparison.spurious[whole]
        pure = binned_rates(detected.significance[whole], right, edges)
        _draw(axes[3], pure, look, True)
    axes[0].axvline(_SURE, color="0.6", linewidth=1, linestyle=":")
    titles = (
        ("true signal-to-noise ratio", "completeness"),
        (label, "completeness"),
        ("distance of the nearest source (px)", f"completeness from {_SURE:g} sigma"),
        ("signal-to-noise ratio of the detection", "purity"),
    )
    for panel, (x, y) in zip(axes, titles, strict=True):
        panel.set(xlabel=x, ylabel=y, ylim=(-0.03, 1.03))
    for panel in (axes[0], axes[3]):
        panel.set_xscale("log")
        plot_style.plain_numbers(panel.xaxis)
    plot_style.legend_below(figure, axes[0], len(results))
    return context.save_figure(
        figure,
        "detection",
        "Share of the true sources that are detected, by their signal-to-noise ratio, magnitude "
        f"and, from {_SURE:g} sigma on, distance of the nearest other source; and share of the "
        "detections that are true, by flux over noise in their pixels. Bars are Wilson's 95 % "
        "intervals.",
    )


def draw_source_classes(
    context: EvaluationContext,
    detected: DetectedSources,
    comparison: Comparison,
    true: TrueSources,
    magnitude: np.ndarray,
    label: str,
    names: Sequence[str],
) -> FigureFile:
    """Draws confusion matrices of bright and faint detected sources.

    Args:
        context: The evaluation.
        detected: Detections of the model.
        comparison: Their comparison with the truth.
        true: The true sources.
        magnitude: (m,), of the true sources.
        label: Name of the magnitude.
        names: Names of the classes of sources.
    """
    found = comparison.detected & true.inside & np.isfinite(magnitude)
    middle = float(np.median(magnitude[found])) if found.any() else 0.0
    groups = ((f"brighter than {middle:.1f}", magnitude < middle), ("fainter", magnitude >= middle))
    figure, axes = plot_style.new_figure(1, 2, width=4.8, height=4.4)
    shown = [name.replace("_", " ") for name in names]
    for panel, (title, members) in zip(axes, groups, strict=True):
        members = found & members
        matrix = (
            confusion_matrix(
                true.label[members],
                detected.label[comparison.partner[members]],
                labels=np.arange(len(names)),
            )
            if members.any()
            else np.zeros((len(names),) * 2, int)
        )
        draw_confusion(panel, matrix, tuple(shown))
        panel.set_title(f"{label.split(' (')[0]} {title}" if title != "fainter" else title)
    return context.save_figure(
        figure,
        "source_classes",
        "Classes of detected sources, the mean of their pixels' weighted by the light, for the "
        "brighter and the fainter half of them.",
    )


def _draw(axes: Axes, rates: BinnedRates, look: Mapping[str, str], logarithmic: bool = False):
    shown = rates.objects > 0
    centres = np.sqrt(rates.edges[:-1] * rates.edges[1:]) if logarithmic else rates.centres
    # Methods stand side by side where they agree.
    step = _ASIDE * len(axes.containers)
    span = rates.edges[-1] / rates.edges[0] if logarithmic else np.ptp(rates.edges)
    centres = centres * span**step if logarithmic else centres + step * span
    axes.errorbar(
        centres[shown],
        rates.value[shown],
        yerr=plot_style.error_bars(rates.value, rates.low, rates.high)[:, shown],
        markersize=4,
        capsize=2,
        linewidth=1.2,
        **look,
    )
