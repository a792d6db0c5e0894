"""Figure style: sizes, fonts and a palette safe for colour-blind readers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from trainers.evaluators.statistics.class_names import singular
from trainers.storage.atomic_files import write_atomically
from trainers.tables import quantities

__all__ = [
    "COLOURS",
    "CONTINUOUS",
    "DIVERGING",
    "bin_edges",
    "blank",
    "class_colour",
    "class_colours",
    "error_bars",
    "label_identifier",
    "legend_below",
    "new_figure",
    "new_panels",
    "plain_numbers",
    "quantity_label",
    "save",
    "style",
]

# Okabe and Ito's palette, without its yellow, which vanishes on white, and with a grey.
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#8C8C8C",
)
CONTINUOUS = "viridis"
DIVERGING = "RdBu_r"

# Whatever the order in which a dataset has them.
_OF_CLASSES = {"star": COLOURS[0], "galaxy": COLOURS[1]}

# Features that are known by another name.
_SPELT = {"t_type": "T-Type"}

_STYLE = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
    "savefig.dpi": 150,
    "savefig.facecolor": "white",
}


def style() -> contextlib.AbstractContextManager:
    """Returns the context in which figures are made and saved."""
    return matplotlib.rc_context(_STYLE)


def class_colour(index: int) -> str:
    """Returns a colour by its place in the palette."""
    return COLOURS[index % len(COLOURS)]


def class_colours(names: Sequence[str]) -> list[str]:
    """Returns the colours of classes: stars and galaxies have their own, the others follow.

    Args:
        names: Names of the classes, in the order of the labels.
    """
    own = [_OF_CLASSES.get(singular(name)) for name in names]
    taken = _OF_CLASSES.values() if any(own) else ()
    free = itertools.cycle(colour for colour in COLOURS if colour not in taken)
    return [colour or next(free) for colour in own]


def new_figure(
    rows: int = 1, columns: int = 1, *, width: float = 4.6, height: float = 3.8, **kwargs
) -> tuple[Figure, list[Axes]]:
    """Makes a figure that no window system and no global state knows of.

    Args:
        rows: Rows of panels.
        columns: Columns of panels.
        width: Width of a panel in inches.
        height: Height of a panel in inches.
        **kwargs: Passed to `Figure.subplots`.

    Returns:
        The figure and its panels, row by row.
    """
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **kwargs)
    return figure, list(axes.ravel())


def new_panels(
    number: int, columns: int, *, width: float = 4.6, height: float = 3.8, **kwargs
) -> tuple[Figure, list[Axes]]:
    """Makes a figure with a number of panels in rows, of which the last may be shorter.

    Args:
        number: Number of panels.
        columns: Most panels in a row.
        width, height, **kwargs: As of `new_figure`, which returns the same.
    """
    columns = min(columns, number)
    rows = -(-number // columns)
    figure, axes = new_figure(rows, columns, width=width, height=height, **kwargs)
    for panel in axes[number:]:
        panel.set_visible(False)
    return figure, axes[:number]


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """Adds the legend of one panel below all panels."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def bin_edges(low: float, high: float, objects: int) -> np.ndarray:
    """Returns edges of equal bins, more of them for more objects."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, 1 + int(np.clip(1.3 * np.sqrt(objects), 10, 45)))


def error_bars(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Returns the lengths of bars from values to both ends of their intervals, (2, number)."""
    # Rounding may put a value outside of its interval.
    return np.maximum([value - low, high - value], 0)


def quantity_label(name: str) -> str:
    """Returns the name of a dataset's feature as an axis label, with its unit if it has one."""
    unit, words = quantities.unit(name), _SPELT.get(name, name.replace("_", " "))
    return f"{words} ({unit.replace('pix', 'px')})" if unit else words


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG atomically; its folder is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with style():
        write_atomically(path, lambda file: figure.savefig(file, format="png"))


def blank(axes: Axes) -> Axes:
    """Removes ticks and frame, for panels that hold a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def label_identifier(axes: Axes, identifier: str) -> None:
    """Writes the identifier of an object below its picture, the end of a long one."""
    shown = identifier if len(identifier) <= 20 else f"...{identifier[-18:]}"
    axes.set_xlabel(shown, fontsize=6.5, labelpad=2)


def plain_numbers(axis: Axis) -> None:
    """Labels a logarithmic axis with 0.5, 1, 2, and one of less than a decade as a linear one."""
    low, high = axis.get_view_interval()
    if not low > 0:
        return
    if high / low < 10:
        axis.set_major_locator(ticker.MaxNLocator(5))
        axis.set_minor_locator(ticker.NullLocator())
    else:
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high / low < 1e3 else (1,)))
        axis.set_minor_formatter(ticker.NullFormatter())
    axis.set_major_formatter(ticker.FormatStrFormatter("%g"))
