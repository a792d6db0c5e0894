"""Sky and noise of a frame, measured on a coarse mesh of boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from astropy.stats import SigmaClip
from scipy import ndimage

__all__ = ["SkyMesh", "measure"]

# A box with fewer known pixels takes the values of its nearest neighbour.
_LEAST_KNOWN = 0.1

# Smallest noise of a box, as a share of the median of all: parts without data have none.
_FLOOR = 0.1


@dataclasses.dataclass(frozen=True)
class SkyMesh:
    """Sky and noise in boxes, between whose centres they are interpolated linearly.

    Attributes:
        rows: Centres of the boxes along the columns of the frame, px.
        columns: Centres along its rows, px.
        background: (rows, columns, bands).
        noise: (rows, columns, bands), standard deviation of the sky in a pixel.
    """

    rows: np.ndarray
    columns: np.ndarray
    background: np.ndarray
    noise: np.ndarray

    def normalized(self, pixels: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
        """Returns the pixels of a window less the sky, in units of the noise, float32.

        Args:
            pixels: (height, width, bands).
            window: Their rows and columns in the frame.
        """
        along = [
            _weights(np.arange(part.start, part.stop), centres)
            for part, centres in zip(window, (self.rows, self.columns), strict=True)
        ]
        background, noise = (
            np.einsum("ri,ijb,cj->rcb", along[0], values, along[1], optimize=True)
            for values in (self.background, self.noise)
        )
        return ((pixels - background) / noise).astype(np.float32)


def measure(
    read: Callable[[slice, slice], np.ndarray], shape: tuple[int, int], box: int
) -> SkyMesh:
    """Measures the sky, a row of boxes at a time.

        background = median of the pixels within 3 sigma of it,    noise = 1.4826 MAD of these

    Then both pass through a median filter of 3 x 3 boxes, which takes out galaxies that fill one.

    Args:
        read: Takes rows and columns, returns their pixels, (height, width, bands); NaN where
            unknown.
        shape: (height, width) of the frame.
        box: Side of the boxes, px, about: they divide the frame evenly.

    References:
        Bertin and Arnouts 1996, A&AS 117, 393, section 4.1 (with another estimate in the boxes).
    """
    edges = [np.linspace(0, n, max(1, round(n / box)) + 1).astype(int) for n in shape]
    clip = SigmaClip(3.0, maxiters=5, cenfunc="median", stdfunc="mad_std")
    lines = []
    for first, last in zip(edges[0], edges[0][1:], strict=False):
        strip = read(slice(first, last), slice(0, shape[1]))
        parts = np.split(strip, edges[1][1:-1], axis=1)
        lines.append([[_box(part[..., b], clip) for b in range(strip.shape[-1])] for part in parts])
    values = np.array(lines)  # (rows, columns, bands, 2)
    for band in range(values.shape[2]):
        for kind in range(2):
            values[:, :, band, kind] = _smoothed(values[:, :, band, kind])
    noise = values[..., 1]
    typical = np.median(noise, axis=(0, 1))
    noise = np.maximum(noise, np.where(typical > 0, _FLOOR * typical, 1.0))
    centres = ((each[:-1] + each[1:] - 1) / 2 for each in edges)
    return SkyMesh(*centres, values[..., 0], noise)


def _box(pixels: np.ndarray, clip: SigmaClip) -> tuple[float, float]:
    known = pixels[np.isfinite(pixels)]
    if len(known) < _LEAST_KNOWN * pixels.size:
        return np.nan, np.nan
    kept = clip(np.asarray(known, np.float64), masked=False)
    middle = np.median(kept)
    return middle, 1.4826 * np.median(np.abs(kept - middle))


def _smoothed(values: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    if missing.all():
        return np.zeros_like(values)
    nearest = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return ndimage.median_filter(values[tuple(nearest)], size=3, mode="nearest")


def _weights(places: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Returns the weights of linear interpolation, constant beyond the ends, (places, centres)."""
    return np.stack([np.interp(places, centres, unit) for unit in np.eye(len(centres))], axis=1)
