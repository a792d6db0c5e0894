"""The figure of a frame: detections coloured by a probability, and the clearest stamps."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from trainers.evaluators import plot_style
from trainers.evaluators.figures.display import Stretch
from trainers.frames.detection import Detections
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.plane_file import PlaneFile
from trainers.frames.stamps import UNSURE, StampCutter

__all__ = ["caption", "draw", "shown_rows"]

_COLUMNS, _ROWS = 4, 2
_SIDE = 1200  # px, of the frame as it is drawn
_MANY = 1000  # detections
_COLOURS = LinearSegmentedColormap.from_list(
    "probability", [plot_style.COLOURS[0], plot_style.COLOURS[3], plot_style.COLOURS[1]]
)
_NORM = Normalize(0, 1)


def shown_rows(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the rows of the most and of the least probable stamps, the clearest first.

    Args:
        probability: (number,).
    """
    order = np.argsort(-probability, kind="stable")
    most = min(_ROWS * _COLUMNS, (len(order) + 1) // 2)
    least = min(_ROWS * _COLUMNS, len(order) - most)
    return order[:most], order[::-1][:least]


def draw(
    frame: FrameWindows,
    detections: Detections,
    cutter: StampCutter,
    probability: np.ndarray,
    name: str,
    first: int = 1,
) -> Figure:
    """Draws the frame with its detections, and stamps as the classifier gets them.

    Args:
        frame: The frame.
        detections: What is in it.
        cutter: Cuts the stamps.
        probability: (number,), of the class that is shown.
        name: Name of that class.
        first: Number of the first detection.
    """
    height, width = frame.shape
    shape = float(np.clip(height / width, 0.8, 1.4))
    figure = Figure(figsize=(5.6 + 4.8, 5.1 * shape + 1.1), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(5.6, 4.8))
    most, least = shown_rows(probability)
    axes = left.subplots()
    _draw_frame(axes, frame, detections, probability, np.concatenate([most, least]), first)
    scale = left.colorbar(
        axes.collections[0], ax=axes, location="bottom", shrink=0.7, aspect=40, pad=0.02
    )
    scale.set_label(f"P({name})")
    halves = right.subfigures(2, 1, height_ratios=(1, 1))
    lines = -(-len(most) // _COLUMNS)
    for half, rows, title in (
        (halves[0], most, f"Highest P({name})"),
        (halves[1], least, f"Lowest P({name})"),
    ):
        half.suptitle(title, fontsize=10.5)
        _draw_stamps(
            half.subplots(lines, _COLUMNS, squeeze=False), cutter, rows, probability, first
        )
    return figure


def caption(name: str) -> str:
    """Returns the caption of `draw` for the class of that name."""
    return (
        "Left: the frame on an asinh scale, with white where it is masked. Each detection has an "
        f"ellipse of three times its semi-axes, coloured by P({name}). Right: the stamps with the "
        f"highest and the lowest P({name}) as the model gets them, each on its own scale, with "
        "number and probability. The line runs around the pixels of the detection; * marks one "
        "that is cut by the edge of the frame or larger than the stamp."
    )


def _draw_frame(
    axes: Axes,
    frame: FrameWindows,
    detections: Detections,
    probability: np.ndarray,
    numbered: np.ndarray,
    first: int,
) -> None:
    small, step = _overview(detections.sky.flux[detections.band])
    unknown = np.isnan(small)
    image = np.nan_to_num(small)[None, ..., None]
    grey = np.ma.array(Stretch(image, ("",)).band(image, 0)[0], mask=unknown)
    height, width = frame.shape
    extent = (-0.5, step * grey.shape[1] - 0.5, -0.5, step * grey.shape[0] - 0.5)
    look = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
    axes.imshow(grey, origin="lower", extent=extent, **look)
    objects = detections.objects
    # Small ones get a ring that can be seen, unless there are too many.
    least = max(frame.shape) / (60 if len(objects) < _MANY else 400)
    marks = EllipseCollection(
        np.maximum(6 * objects["a"], 2 * least),
        np.maximum(6 * objects["b"], 2 * least),
        np.rad2deg(objects["theta"]),
        units="xy",
        offsets=np.stack([objects["x"], objects["y"]], axis=-1),
        transOffset=axes.transData,
        facecolors="none",
        linewidths=1.2 if len(objects) < _MANY else 0.3,
        cmap=_COLOURS,
        norm=_NORM,
    )
    marks.set_array(probability)
    marks.set_facecolor("none")
    axes.add_collection(marks)
    for row in numbered:
        x, y = objects["x"][row], objects["y"][row]
        # Inside the frame, also at its right and upper edge.
        right, upper = x > 0.94 * width, y > 0.94 * height
        number = axes.annotate(
            str(row + first),
            (x, y),
            xytext=(-7 if right else 7, -7 if upper else 7),
            textcoords="offset points",
            ha="right" if right else "left",
            va="top" if upper else "bottom",
            fontsize=8,
            color=_COLOURS(_NORM(probability[row])),
        )
        number.set_path_effects([withStroke(linewidth=2, foreground="white")])
    axes.set(
        xlim=(-0.5, width - 0.5),
        ylim=(-0.5, height - 0.5),
        xlabel="x (px)",
        ylabel="y (px)",
    )
    axes.set_title(f"{frame.name}, {len(objects)} detections")


def _overview(plane: PlaneFile) -> tuple[np.ndarray, int]:
    """Returns means of blocks of pixels, NaN where none is known, and the side of the blocks."""
    height, width = plane.shape
    step = math.ceil(max(plane.shape) / _SIDE)
    lines = []
    for start in range(0, height, step):
        rows = plane.read(slice(start, min(start + step, height)), slice(0, width))
        rows = np.pad(rows, ((0, 0), (0, -width % step)), constant_values=np.nan)
        blocks = rows.reshape(len(rows), -1, step)
        known = np.isfinite(blocks).sum(axis=(0, 2))
        total = np.nansum(blocks, axis=(0, 2))
        lines.append(np.where(known > 0, total / np.maximum(known, 1), np.nan))
    return np.array(lines), step


def _draw_stamps(
    panels: np.ndarray,
    cutter: StampCutter,
    rows: np.ndarray,
    probability: np.ndarray,
    first: int,
) -> None:
    for panel in panels.ravel():
        plot_style.blank(panel).set_visible(False)
    if not len(rows):
        return
    stamps = cutter.cut(rows)
    band = cutter.detections.band
    images = stamps.images[..., band : band + 1]
    pictures = Stretch(images, ("",)).band(images, 0)
    for place, (panel, row) in enumerate(zip(panels.ravel(), rows, strict=False)):
        panel.set_visible(True)
        panel.imshow(pictures[place], cmap="gray_r", origin="lower", vmin=0, vmax=1)
        own = stamps.footprints[place]
        if not own.all():
            colour = _COLOURS(_NORM(probability[row]))
            panel.contour(own, [0.5], colors=[colour], linewidths=0.8)
        mark = "*" if stamps.flags[place] & UNSURE else ""
        panel.set_title(f"{row + first}{mark}: {probability[row]:.3f}", fontsize=8.5, pad=2)
