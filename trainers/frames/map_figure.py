"""The figure of the maps of a frame: its middle, the map, and the regions of SEP."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
import sep
from astropy.io import fits
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from trainers.evaluators import plot_style
from trainers.evaluators.figures.display import Stretch
from trainers.evaluators.statistics.pixel_baselines import sep_regions, significance
from trainers.frames.frame_windows import FrameWindows

__all__ = ["CAPTION", "draw", "numbers_of"]

_SIDE = 600  # px
_UNKNOWN, _SKY = "#8c8c8c", "#101418"

CAPTION = (
    "The middle of the frame, at most 600 x 600 pixels: the pixels on an asinh scale, the map (the "
    "most probable class where it has a plane for each), and beside it the regions of SEP at 1.5 "
    "sigma on the sum of the bands in units of their noise. Grey: unknown."
)


def numbers_of(values: np.ndarray) -> np.ndarray:
    """Returns the number of each pixel's class, (height, width); -1 where unknown.

    Args:
        values: Numbers, (height, width), or a value for each class, (classes, height, width).
    """
    if values.ndim == 3:
        unknown = np.isnan(values).any(axis=0)
        return np.where(unknown, -1, np.nan_to_num(values).argmax(axis=0))
    values = np.asarray(values)
    return np.where(np.isfinite(values), np.nan_to_num(values), -1).astype(np.int64).clip(-1)


def draw(frame: FrameWindows, extension: fits.ImageHDU, names: Sequence[str]) -> Figure:
    """Draws the middle of a frame beside its map.

    Args:
        frame: The frame.
        extension: The map.
        names: Names of the classes.
    """
    rows, columns = (
        slice(max(0, (length - _SIDE) // 2), min(length, (length + _SIDE) // 2))
        for length in frame.shape
    )
    pixels = frame.read(rows, columns)
    known = np.isfinite(pixels).all(axis=-1)
    planes = (slice(None),) * (len(extension.shape) - 2)
    numbers = numbers_of(extension.section[(*planes, rows, columns)])
    flux, noise = _without_sky(pixels, known)
    regions = sep_regions(significance(flux[None], noise[None]), known[None])[0]

    height, width = known.shape
    side = 4.4
    figure = Figure(figsize=(3 * side, side * min(2.0, height / width) + 1.1), layout="constrained")
    panels = figure.subplots(1, 3)
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.start - 0.5, rows.stop - 0.5)
    look = {"origin": "lower", "extent": extent}
    stretch = Stretch(
        flux[None], tuple(frame.filters) if all(frame.filters) else ("",) * frame.bands
    )
    picture = stretch.pictures(flux[None])[0]
    panels[0].imshow(picture, cmap="gray", **look)
    shades = matplotlib.colormaps[plot_style.CONTINUOUS].resampled(len(names)).colors
    colours = ListedColormap(shades).with_extremes(under=_UNKNOWN)
    norm = BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names))
    drawn = panels[1].imshow(numbers, cmap=colours, norm=norm, **look)
    palette = ListedColormap([_UNKNOWN, _SKY, *plot_style.COLOURS[:6]])
    shades = np.where(regions > 0, 1 + (regions - 1) % 6, 0)
    panels[2].imshow(np.where(known, shades, -1), cmap=palette, vmin=-1.5, vmax=6.5, **look)
    titles = (frame.name, "map", f"SEP, {len(np.unique(regions)) - 1} regions")
    for panel, title in zip(panels, titles, strict=True):
        panel.set(title=title, xlabel="x (px)", ylabel="y (px)" if panel is panels[0] else "")
    bar = figure.colorbar(drawn, ax=panels, location="bottom", shrink=0.4, aspect=40)
    bar.set_ticks(np.arange(len(names)), labels=list(names))
    bar.ax.tick_params(labelsize=8, rotation=20 if len(names) > 5 else 0)
    return figure


def _without_sky(pixels: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pixels less the sky, 0 where unknown, and the noise of each band."""
    flux, noise = np.zeros_like(pixels), np.ones(pixels.shape[-1])
    for band in range(pixels.shape[-1]) if known.any() else ():
        plane = np.ascontiguousarray(np.where(known, pixels[..., band], 0.0), np.float32)
        sky = sep.Background(plane, mask=~known)
        flux[..., band] = np.where(known, plane - sky.back(), 0.0)
        noise[band] = sky.globalrms or 1.0
    return flux, noise
