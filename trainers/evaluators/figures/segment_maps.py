"""Images beside their true maps and what a model and SEP make of them."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.section import FigureFile
from trainers.evaluators.statistics.class_names import BACKGROUNDS

__all__ = ["draw_segments"]

_ROWS = 4
_SKY = "#101418"
_UNKNOWN = "#8c8c8c"
_OUTLINE = "white"


def draw_segments(
    context: EvaluationContext,
    rows: np.ndarray,
    truth: np.ndarray,
    segments: np.ndarray,
    sep: np.ndarray,
    foreground: np.ndarray,
    names: Sequence[str],
) -> FigureFile:
    """Draws images from the fullest to the emptiest quarter of those with sources.

    Args:
        context: The evaluation.
        rows: (number,), the images among those of the context.
        truth: (number, height, width) numbers of the true sources, 0 for the sky.
        segments: (number, height, width), segments of the model; -1 where unknown.
        sep: (number, height, width), regions of SEP.
        foreground: (number, height, width) bool, what the model takes for sources.
        names: Names of the segments.

    Returns:
        The saved figure.
    """
    covered = (truth > 0).sum(axis=(1, 2))
    order = np.argsort(covered, kind="stable")[::-1]
    order = order[: max(1, np.count_nonzero(covered))]
    places = np.unique(np.linspace(0.02, 0.75, _ROWS) * (len(order) - 1)).astype(int)
    shown = order[np.unique(places)]
    stretch = Stretch(context.images[rows[shown]], context.spec.bands)
    pictures = stretch.pictures(context.images[rows[shown]])
    palette = matplotlib.colormaps[plot_style.CONTINUOUS].resampled(len(names)).colors
    colours = ListedColormap(
        [
            _SKY if name in BACKGROUNDS else colour
            for name, colour in zip(names, palette, strict=True)
        ]
    )
    colours.set_under(_UNKNOWN)
    norm = BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names))

    figure, axes = plot_style.new_figure(len(shown), 4, width=2.35, height=2.35)
    look = {"origin": stretch.origin}
    for line, place in enumerate(shown):
        picture, true, own, of_sep = axes[4 * line : 4 * line + 4]
        picture.imshow(pictures[line], **look)
        _draw_regions(true, truth[place], **look)
        drawn = own.imshow(segments[place], cmap=colours, norm=norm, **look)
        _outline(own, truth[place] > 0)
        _draw_regions(of_sep, sep[place], **look)
        _outline(of_sep, truth[place] > 0)
        for panel in (picture, true, own, of_sep):
            plot_style.blank(panel)
        counts = [len(np.unique(each[each > 0])) for each in (truth[place], sep[place])]
        true.set_xlabel(f"{counts[0]} sources", fontsize=9)
        of_sep.set_xlabel(f"{counts[1]} sources", fontsize=9)
        inside, either = truth[place] > 0, (truth[place] > 0) | foreground[place]
        overlap = (inside & foreground[place]).sum() / max(either.sum(), 1)
        own.set_xlabel(f"IoU {overlap:.2f}", fontsize=9)
    for panel, title in zip(axes, ("image", "truth", "segments", "SEP"), strict=False):
        panel.set_title(title)
    bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.01)
    labels = [name.removeprefix("segment_").replace("_", " ") for name in names]
    bar.set_ticks(np.arange(len(names)), labels=labels)
    bar.set_label("segment")
    return context.save_figure(
        figure,
        "segmentation",
        "Images, their true sources, the segments of the model and the regions of SEP. White: "
        "outlines of the true sources. IoU is that of all segments but the sky in this image. The "
        "images are evenly spaced in the share of their pixels that sources cover, from the "
        "highest down to the lowest quarter.",
    )


def _draw_regions(panel: Axes, regions: np.ndarray, **look) -> None:
    """Draws numbered regions, each in one of the colours of the palette."""
    palette = [*plot_style.COLOURS[:6], "#F0E442"]
    colours = np.where(regions > 0, 1 + (regions - 1) % len(palette), np.where(regions < 0, -1, 0))
    cmap = ListedColormap([_UNKNOWN, _SKY, *palette])
    panel.imshow(colours, cmap=cmap, vmin=-1.5, vmax=len(palette) + 0.5, **look)


def _outline(panel: Axes, inside: np.ndarray) -> None:
    if inside.any() and not inside.all():
        panel.contour(inside, levels=[0.5], colors=_OUTLINE, linewidths=0.7)
