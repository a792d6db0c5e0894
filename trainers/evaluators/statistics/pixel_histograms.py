"""Bins and histograms of pixel values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["asinh_width", "bin_edges", "histograms"]

_BINS = 80
_FAR_BRIGHTER = 30  # sigma
_MAD_TO_SIGMA = 1.4826
# Pixels that settle the noise, and images that settle the steps of discrete values.
_SAMPLE = 100_000
_IMAGES = 50


def asinh_width(values: np.ndarray) -> float | None:
    """Returns the linear part of an asinh scale on which the values are best seen, or None.

    It is 3 sigma of the noise, a robust scatter, where the values are noise around zero with
    sources thirty times brighter, as in survey images. All else belongs on a linear scale.

    Args:
        values: Pixels, in an array of any shape.
    """
    sample = values.ravel()[:: -(-values.size // _SAMPLE)].astype(np.float64)
    median = np.median(sample)
    width = 3 * _MAD_TO_SIGMA * float(np.median(np.abs(sample - median)))
    brightest = max(values.max(), -values.min())
    return width if abs(median) < width and brightest > _FAR_BRIGHTER / 3 * width else None


def bin_edges(values: np.ndarray, linear_width: float | None = None) -> np.ndarray:
    """Returns edges of bins that hold all values, (bins + 1,), rising.

    Among discrete values, as those of a digitised image, the edges lie half way from level to
    level: others would hold now more and now fewer of the levels than their width suggests. Of
    images with several steps the coarse ones count, as their levels are the fewest.

    Args:
        values: (number, height, width), one band.
        linear_width: For bins that are equal in asinh(value / linear_width); None for bins of
            equal width.
    """
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.array([low - 0.5, low + 0.5])
    grid = _grid(values)
    if linear_width is not None:
        ends = np.arcsinh(np.array([low, high]) / linear_width)
        edges = linear_width * np.sinh(np.linspace(*ends, _BINS + 1))
        if grid is not None:
            level, step = grid
            edges = np.unique(level + step * (np.floor((edges - level) / step) + 0.5))
    elif grid is not None:
        level, step = grid
        first, last = np.round((np.array([low, high]) - level) / step)
        stride = -(-int(last - first + 1) // _BINS)
        edges = level + step * (np.arange(first, last + 1 + stride, stride) - 0.5)
    else:
        edges = np.linspace(low, high, _BINS + 1)
    # Neither snapping nor rounding may leave out the extremes.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges


def histograms(values: np.ndarray, groups: Sequence[np.ndarray], edges: np.ndarray) -> np.ndarray:
    """Returns the density of the pixels of each group of images, (groups, bins).

    Args:
        values: (number, height, width), one band.
        groups: Members of each group, (number,) bool.
        edges: (bins + 1,); the last bin holds its upper edge.
    """
    return np.array([np.histogram(values[own], edges, density=True)[0] for own in groups])


def _grid(values: np.ndarray) -> tuple[float, float] | None:
    """Returns a level and the distance to the next of discrete values, None for continuous ones."""
    grids = []
    for image in values[:: -(-len(values) // _IMAGES)]:
        levels = np.unique(image.astype(np.float64))
        if len(levels) > 1:
            step = float(np.diff(levels).min())
            steps = (levels - levels[0]) / step
            if len(levels) > image.size / 2 or np.abs(steps - np.round(steps)).max() > 0.1:
                return None
            grids.append((step, float(levels[0])))
    if not grids:
        return None
    # Not the largest: an image of two values has a wide step of its own.
    step, level = sorted(grids)[int(0.9 * (len(grids) - 1))]
    return level, step
