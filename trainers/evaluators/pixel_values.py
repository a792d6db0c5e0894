"""Histograms of pixel values by band, before and after the preprocessing of the model."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, NullLocator

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.pixel_histograms import asinh_width, bin_edges, histograms
from zoo.batching import in_parts

__all__ = ["evaluate_pixel_values"]

# Pixels of a band at most, and images at least.
_PIXELS = 1_000_000
_FEWEST = 20
_PERCENTILES = (0, 1, 50, 99, 100)
_NAMES = ("minimum", "1 %", "median", "99 %", "maximum")


@register("pixel_values", title="Pixel values")
def evaluate_pixel_values(context: EvaluationContext) -> Section:
    """Draws histograms of the pixels of each band by class, as given and as the model scales them.

    The slides of Sun et al. (2017) introduce their data with the first of the two.
    """
    height, width = context.images.shape[1:3]
    chosen = context.subset(max(_FEWEST, _PIXELS // (height * width)), "pixel_values")
    images, bands, units = context.images[chosen], context.spec.bands, context.spec.units
    levels = np.percentile(images, _PERCENTILES, axis=(0, 1, 2))
    section = Section()
    for index, band in enumerate(bands):
        for row, name in ((0, "minimum"), (2, "median"), (4, "maximum")):
            section.metrics[f"{name}_{band}"] = levels[row, index]
    rows = [
        [band, *(f"{level:.4g}" for level in levels[:, index])] for index, band in enumerate(bands)
    ]
    section.text.append(f"All pixels of {len(chosen)} {context.split} images.")
    caption = "Percentiles of the pixels, before the preprocessing."
    section.tables.append(Table([f"band, {units}", *_NAMES], rows, caption))
    kinds = {units: images}
    preprocessing = getattr(context.model, "preprocessing", None)
    if preprocessing is not None:
        preprocessed = in_parts(preprocessing, images)
        if preprocessed.shape[-1] == len(bands) and not np.array_equal(preprocessed, images):
            kinds["preprocessed"] = preprocessed
    section.figures.append(_draw(context, kinds, chosen))
    return section


def _draw(
    context: EvaluationContext, kinds: dict[str, np.ndarray], chosen: np.ndarray
) -> FigureFile:
    bands = context.spec.bands
    groups = [group for group in context.groups(chosen) if group[1].any()]
    figure, axes = plot_style.new_figure(
        len(kinds),
        len(bands),
        width=max(2.4, 5 / len(bands)),
        height=2.7,
        sharey="row",
    )
    for row, (units, images) in enumerate(kinds.items()):
        for column, band in enumerate(bands):
            panel, values = axes[row * len(bands) + column], images[..., column]
            width = asinh_width(values)
            edges = bin_edges(values, width)
            densities = histograms(values, [members for _, members, _ in groups], edges)
            for (name, _, colour), density in zip(groups, densities, strict=True):
                panel.stairs(density, edges, color=colour, label=name, linewidth=1.3)
            panel.set(yscale="log", xlabel=f"Pixel value, {units}")
            if width is not None:
                _asinh_axis(panel, edges, width)
            if row == 0:
                panel.set_title(band)
            if column == 0:
                panel.set_ylabel("Density of the pixels")
    plot_style.legend_below(figure, axes[0], columns=6 if len(groups) <= 6 else 4)
    second = ""
    if len(kinds) > 1:
        second = (
            " Lower row: the same images as the model's preprocessing returns them, all of their "
            "pixels that it passes on."
        )
    return context.save_figure(
        figure,
        "pixel_values",
        "Histograms of the pixels of each band by class, divided by the number of pixels and the "
        "width of the bins. Where sources are far brighter than the noise, values are on an asinh "
        f"scale.{second}",
    )


def _asinh_axis(panel: Axes, edges: np.ndarray, linear_width: float) -> None:
    low, high = edges[[0, -1]]
    panel.set_xscale("asinh", linear_width=linear_width)
    panel.set_xlim(low, high)
    decades = 10.0 ** np.arange(np.ceil(np.log10(linear_width)), np.log10(max(high, -low)))
    panel.set_xticks([tick for tick in (*-decades, 0, *decades) if low <= tick <= high])
    panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.xaxis.set_minor_locator(NullLocator())
