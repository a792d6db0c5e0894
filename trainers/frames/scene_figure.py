"""The figure of a deblended frame: its middle, the drawn sources, and the residual."""

from __future__ import annotations

import numpy as np
from astropy.io import fits
from astropy.table import QTable
from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators.figures.display import Stretch
from trainers.frames.frame_windows import FrameWindows

__all__ = ["CAPTION", "draw"]

_SIDE = 400  # px
_RANGE = 5.0  # sigma
_UNKNOWN = "#8c8c8c"

CAPTION = (
    "The middle of the frame, at most 400 x 400 pixels: the pixels on an asinh scale, with a mark "
    "for each source, coloured by the pass that detected it; all sources as they were drawn; and "
    "the residual of all bands together in units of its noise. Grey: unknown."
)


def draw(
    frame: FrameWindows,
    residual: fits.ImageHDU,
    table: QTable,
    noise: np.ndarray,
    bands: tuple[str, ...],
) -> Figure:
    """Draws the middle of a frame with its sources.

    Args:
        frame: The frame.
        residual: The extension with the residual, (bands, height, width).
        table: The catalogue.
        noise: (bands,), typical noise of a pixel in the units of the frame.
        bands: Names of the bands.
    """
    rows, columns = (
        slice(max(0, (length - _SIDE) // 2), min(length, (length + _SIDE) // 2))
        for length in frame.shape
    )
    left = np.moveaxis(residual.section[:, rows, columns], 0, -1).astype(np.float32)
    known = np.isfinite(left).all(axis=-1)
    pixels = np.where(known[..., None], frame.read(rows, columns), 0.0)
    left = np.where(known[..., None], left, 0.0)
    # The sky is that of the residual: frame and residual differ by the sources and a smooth sky.
    sky = np.median((pixels - left)[known], axis=0) if known.any() else 0.0
    flux = np.where(known[..., None], pixels - sky, 0.0)
    drawn = np.where(known[..., None], flux - left, 0.0)
    height, width = known.shape
    side = 4.6
    figure = Figure(figsize=(3 * side, side * min(1.6, height / width) + 1.6), layout="constrained")
    panels = figure.subplots(1, 3)
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5)
    look = {"origin": "lower", "extent": extent}
    stretch = Stretch(flux[None], bands)
    for panel, image, title in zip(
        panels[:2], (flux, drawn), (frame.name, "drawn sources"), strict=True
    ):
        panel.imshow(_masked(stretch.pictures(image[None])[0], known), **look)
        panel.set_title(title)
    significance = np.sum(left / noise, axis=-1) / np.sqrt(len(noise))
    shown = panels[2].imshow(
        np.ma.array(significance, mask=~known),
        cmap=plot_style.DIVERGING,
        vmin=-_RANGE,
        vmax=_RANGE,
        **look,
    )
    panels[2].set(title="residual", facecolor=_UNKNOWN)
    x, y, number = (np.asarray(table[name]) for name in ("x", "y", "pass"))
    # Small enough to be told apart where sources are many.
    size = 10 + 1200 / max(12, len(table) ** 0.5 * 3)
    for each in np.unique(number):
        chosen = number == each
        panels[0].scatter(
            x[chosen],
            y[chosen],
            s=size,
            facecolors="none",
            edgecolors=plot_style.class_colour(int(each)),
            linewidths=0.9,
            label=f"pass {each} ({chosen.sum()})",
        )
    for panel in panels:
        panel.set(xlim=extent[:2], ylim=extent[2:], xlabel="x (px)")
    panels[0].set_ylabel("y (px)")
    if len(table):
        plot_style.legend_below(figure, panels[0], columns=5)
    bar = figure.colorbar(shown, ax=panels, location="bottom", shrink=0.35, aspect=40)
    bar.set_label("residual / noise")
    return figure


def _masked(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    grey = np.array([int(_UNKNOWN[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(known[..., None], picture, grey)
