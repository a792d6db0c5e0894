"""Figures of photometric redshifts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.redshift_errors import OUTLIER, residuals

__all__ = ["comparison", "gallery", "transforms"]

_SHOWN = 6
_PIT_BINS = 20


def comparison(
    context: EvaluationContext, truth: np.ndarray, methods: Mapping[str, np.ndarray]
) -> FigureFile:
    """Draws estimated against true redshifts, and the deviations, for each method.

    Args:
        context: The evaluation.
        truth: (number,).
        methods: Redshifts by the name of the method, the model first.
    """
    titles = {
        "forest": "colours, forest",
        "neighbours": "colours, neighbours",
        "network": "aperture colours, network",
    }
    figure, axes = plot_style.new_figure(
        2,
        len(methods),
        width=3.6,
        height=2.9,
        sharex=True,
        sharey="row",
        gridspec_kw={"height_ratios": [1.6, 1]},
    )
    top = float(max(truth.max(), *(np.quantile(z, 0.999) for z in methods.values())))
    bottom = float(min(truth.min(), 0.0))
    span = {"extent": (bottom, top, bottom, top), "gridsize": 70, "bins": "log", "mincnt": 1}
    edges = np.quantile(truth, np.linspace(0, 1, 11))
    place = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, 9)
    for column, (name, predicted) in enumerate(methods.items()):
        above, below = axes[column], axes[len(methods) + column]
        above.hexbin(truth, predicted, cmap=plot_style.CONTINUOUS, **span)
        above.plot([bottom, top], [bottom, top], color="0.3", linewidth=1, linestyle=":")
        above.set_title(titles.get(name, name))
        dz = residuals(predicted, truth)
        limit = 2 * OUTLIER
        below.hexbin(
            truth,
            np.clip(dz, -limit, limit),
            cmap=plot_style.CONTINUOUS,
            **{**span, "extent": (bottom, top, -limit, limit), "gridsize": (70, 30)},
        )
        for level in (-OUTLIER, OUTLIER):
            below.axhline(level, color="0.3", linewidth=1, linestyle=":")
        rows = [number for number in range(10) if np.any(place == number)]
        middle = [np.median(truth[place == number]) for number in rows]
        below.plot(
            middle,
            [np.median(dz[place == number]) for number in rows],
            "o-",
            markersize=4,
            linewidth=1.2,
            color=plot_style.COLOURS[1],
        )
        below.set_xlabel("true redshift z")
    axes[0].set_ylabel("estimated redshift")
    axes[len(methods)].set_ylabel("(estimate - z) / (1 + z)")
    return context.save_figure(
        figure,
        "redshift",
        "Estimated against true redshift (darker: fewer objects), and below the deviations with "
        "their medians in ten intervals of the true redshift. Dotted: equality, and the limits of "
        f"outliers, {OUTLIER:g}. Deviations beyond the axis are drawn at its end.",
    )


def transforms(context: EvaluationContext, pit: np.ndarray) -> FigureFile:
    """Draws the histogram of the probability integral transforms.

    Args:
        context: The evaluation.
        pit: (number,) in [0, 1].
    """
    figure, (panel,) = plot_style.new_figure()
    counts, edges = np.histogram(pit, bins=_PIT_BINS, range=(0, 1))
    expected = len(pit) / _PIT_BINS
    panel.stairs(counts / expected, edges, fill=True, alpha=0.6)
    scatter = np.sqrt(expected * (1 - 1 / _PIT_BINS)) / expected
    panel.axhline(1.0, color="0.3", linewidth=1, linestyle=":")
    panel.axhspan(1 - 2 * scatter, 1 + 2 * scatter, color="0.6", alpha=0.3, linewidth=0)
    panel.set(xlabel="probability integral transform F(z)", ylabel="objects / expected number")
    panel.set(xlim=(0, 1), ylim=(0, None))
    return context.save_figure(
        figure,
        "redshift_pit",
        "Where the true redshift lies in its distribution: a flat histogram if the densities are "
        "right, a hill if they are too wide, a valley if too narrow, a slope if they are biased. "
        "Grey: two standard deviations of a uniform distribution.",
    )


def gallery(
    context: EvaluationContext,
    rows: np.ndarray,
    truth: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    dz: np.ndarray,
) -> FigureFile:
    """Draws the objects that are furthest off, each with its density.

    Args:
        context: The evaluation.
        rows: Of the objects in the split, (number,).
        truth: (number,).
        outputs: `redshift` and `redshift_pdf` of the model.
        dz: (number,), deviations.
    """
    worst = np.argsort(-np.abs(dz), kind="stable")[:_SHOWN]
    figure, axes = plot_style.new_figure(2, len(worst), width=2.0, height=1.9)
    low, high = context.model.redshift_range
    pdf = outputs["redshift_pdf"]
    edges = np.linspace(low, high, pdf.shape[1] + 1)
    for place, index in enumerate(worst):
        picture, density = axes[place], axes[len(worst) + place]
        image = context.images[rows[index] : rows[index] + 1]
        stretch = Stretch(image, context.spec.bands)
        picture.imshow(stretch.pictures(image)[0], origin=stretch.origin)
        plot_style.blank(picture)
        picture.set_title(
            f"z {truth[index]:.3f}, est. {outputs['redshift'][index]:.3f}", fontsize=9
        )
        density.stairs(pdf[index], edges, fill=True, alpha=0.6)
        density.axvline(truth[index], color=plot_style.COLOURS[1], linewidth=1.3)
        density.set(xlabel="redshift", yticks=[], xlim=(low, max(high, truth[index])))
    axes[len(worst)].set_ylabel("density")
    names = ", ".join(str(context.ids[rows[index]]) for index in worst)
    return context.save_figure(
        figure,
        "redshift_outliers",
        f"The objects that are furthest off, worst first: {names}. Below the density of each, "
        "with its true redshift as a line.",
    )
