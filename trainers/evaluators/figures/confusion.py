"""Confusion matrices."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

__all__ = ["draw_confusion"]


def draw_confusion(axes: Axes, matrix: np.ndarray, names: tuple[str, ...]) -> None:
    """Draws a confusion matrix with numbers and percentages of the true class.

    Args:
        axes: The panel.
        matrix: Numbers of objects, rows are true and columns predicted classes.
        names: Names of the classes.
    """
    fraction = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(fraction, cmap="Blues", vmin=0, vmax=1)
    size = 11 if len(names) <= 3 else 8
    for row, column in np.ndindex(matrix.shape):
        axes.text(
            column,
            row,
            f"{matrix[row, column]}\n{100 * fraction[row, column]:.0f} %",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if fraction[row, column] > 0.55 else "black",
        )
    ticks = range(len(names))
    slanted = {"rotation": 40, "ha": "right"} if len(names) > 3 else {}
    axes.set_xticks(ticks, names, **slanted)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="Predicted class", ylabel="True class", title="Confusion matrix")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
