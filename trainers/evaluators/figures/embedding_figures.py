"""Embeddings of latents in a plane, coloured by quantities or drawn with their galaxies."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.display import Stretch

__all__ = ["coloured", "places", "with_galaxies"]

_CELLS = 16


def coloured(
    context: EvaluationContext,
    plane: np.ndarray,
    chosen: np.ndarray,
    quantities: list[str],
    name: str,
) -> Figure:
    """Draws the plane once for the classes, and once for each quantity with a colour bar.

    Args:
        context: The evaluation.
        plane: (number, 2) coordinates.
        chosen: (number,) indices of the objects.
        quantities: Names of physical quantities of the dataset.
        name: Of the method, for the axes.
    """
    shown = (["class"] if context.class_names else []) + quantities
    shown = shown or ["objects"]
    columns = 2 if len(shown) == 4 else 3
    figure, axes = plot_style.new_panels(len(shown), columns, width=4.2, height=3.7)
    for panel, title in zip(axes, shown, strict=True):
        plot_style.blank(panel).set(xlabel=f"{name} 1")
        panel.set_title(plot_style.quantity_label(title))
        if title in ("class", "objects"):
            for label, members, colour in context.groups(chosen):
                look = {"s": 8, "alpha": 0.6, "linewidths": 0, "color": colour}
                panel.scatter(*plane[members].T, label=label, **look)
            if title == "class":
                _legend(panel, len(context.class_names))
        else:
            values = context.quantities()[title][chosen]
            finite = np.isfinite(values)
            low, high = np.percentile(values[finite], [2, 98]) if finite.any() else (0, 1)
            panel.scatter(*plane[~finite].T, s=8, color="0.85", linewidths=0)
            look = {"cmap": plot_style.CONTINUOUS, "vmin": low, "vmax": high, "linewidths": 0}
            drawn = panel.scatter(*plane[finite].T, s=8, c=values[finite], **look)
            figure.colorbar(drawn, ax=panel, extend="both", pad=0.02)
    for panel in axes[::columns]:
        panel.set_ylabel(f"{name} 2")
    return figure


def places(plane: np.ndarray, cells: int = _CELLS) -> list[tuple[int, int, int]]:
    """Returns row, column and object for each cell of a grid over the plane that holds objects.

    The object is the one nearest to the middle of the cell; each stands in one cell at most.

    Args:
        plane: (number, 2) coordinates.
        cells: Cells along each axis. Default 16.
    """
    low, high = plane.min(axis=0), plane.max(axis=0)
    scaled = (plane - low) / np.where(high > low, high - low, 1) * cells
    cell = np.minimum(scaled.astype(int), cells - 1)
    distance = np.square(scaled - cell - 0.5).sum(axis=1)
    cells_taken: dict[tuple[int, int], int] = {}
    for index in np.argsort(distance, kind="stable"):
        cells_taken.setdefault((cell[index, 1], cell[index, 0]), int(index))
    return [(row, column, index) for (row, column), index in sorted(cells_taken.items())]


def with_galaxies(
    context: EvaluationContext, plane: np.ndarray, chosen: np.ndarray, name: str
) -> Figure:
    """Draws the images of the objects at their places in the plane; see `coloured` for the Args."""
    grid = places(plane)
    images = context.images[chosen[[index for _, _, index in grid]]]
    stretch = Stretch(images, context.spec.bands)
    pictures = stretch.pictures(images)
    height, width = pictures.shape[1:3]
    sheet = np.ones((_CELLS * (height + 1), _CELLS * (width + 1), 3))
    for picture, (row, column, _) in zip(pictures, grid, strict=True):
        # The second coordinate rises upwards, the rows of the sheet fall.
        top, left = (_CELLS - 1 - row) * (height + 1), column * (width + 1)
        picture = picture if stretch.origin == "upper" else picture[::-1]
        sheet[top : top + height, left : left + width] = picture
    figure, (axes,) = plot_style.new_figure(width=8.4, height=8.4)
    plot_style.blank(axes).imshow(sheet)
    axes.set(xlabel=f"{name} 1", ylabel=f"{name} 2")
    return figure


def _legend(panel, classes: int) -> None:
    if classes <= 4:
        panel.legend(markerscale=2, loc="best", framealpha=0.8, frameon=True, edgecolor="none")
        return
    # Beside the points: a long one would cover them.
    panel.legend(
        markerscale=2, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3, fontsize=7.5
    )
