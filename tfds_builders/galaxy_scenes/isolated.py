"""Noiseless images of single sources, each on a grid as large as its light."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.special

from tfds_builders.galaxy_scenes.cameras import Psf
from tfds_builders.galaxy_scenes.sky import Placed
from tfds_builders.simulation.fourier import Component
from tfds_builders.simulation.light import Light

__all__ = ["Isolated", "draw_isolated", "window"]

# Grids on which sources are drawn, pixels; what leaves them on one side enters on the other.
_GRIDS = (24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# Sigma of the sky per pixel below which the light of a source is not drawn.
_FAINTEST = 0.03


@dataclasses.dataclass(frozen=True)
class Isolated:
    """A source without noise and without the others.

    Attributes:
        placed: The source.
        image: (bands, rows, columns) float32, nanojansky per pixel, of a square part of the sky.
        row: Of the first pixel, in the scene; may lie outside.
        column: Of the first pixel.
    """

    placed: Placed
    image: np.ndarray
    row: int
    column: int

    def inside(self, size: int) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Returns the part of the image in a scene, and where it lies there.

        Args:
            size: Pixels on a side of the scene.

        Returns:
            (bands, ...), without pixels where they do not overlap, and slices of rows and columns.
        """
        places, parts = [], []
        for first in (self.row, self.column):
            start = min(max(first, 0), size)
            stop = max(min(first + self.image.shape[-1], size), start)
            places.append(slice(start, stop))
            parts.append(slice(start - first, stop - first))
        return self.image[(slice(None), *parts)], tuple(places)


def draw_isolated(placed: Placed, psf: Psf) -> Isolated:
    """Draws a source under the PSF.

    The grid reaches to where the light falls to 0.03 sigma of the sky per pixel, all bands
    together, at most to 256 pixels.

    Args:
        placed: The source.
        psf: Of the scene, with its camera.
    """
    camera = psf.camera
    reach = max(_reach(light, psf) for light in placed.source.lights) / camera.pixel_scale
    side = next((each for each in _GRIDS if each >= 2 * reach + 2), _GRIDS[-1])
    grid, psfs = psf.transforms(side)
    # Rounded half up, as the centre of a pixel is at a whole number.
    column, row = int(np.floor(placed.x + 0.5)), int(np.floor(placed.y + 0.5))
    total = np.zeros((len(camera.bands), *grid.pixel.shape), np.complex64)
    # From the centre of the pixel, arcsec.
    x, y = (
        (at - whole) * camera.pixel_scale for at, whole in ((placed.x, column), (placed.y, row))
    )
    for light in placed.source.lights:
        there = dataclasses.replace(light, offset=(light.offset[0] + x, light.offset[1] + y))
        total += light.flux.astype(np.float32)[:, None, None] * there.transform(grid)
    # Around a bright source the highest wavenumbers ring, by some hundredths of the noise. Below
    # zero, that would give its neighbours shares above 1.
    image = np.maximum(psf.image(total * psfs, side), 0)
    return Isolated(placed, image, row - side // 2, column - side // 2)


def window(isolated: Isolated, width: int, size: int) -> tuple[np.ndarray, int, int]:
    """Cuts a window about a source that lies in the scene entirely.

    Args:
        isolated: The source.
        width: Pixels on a side of the window.
        size: Pixels on a side of the scene.

    Returns:
        (bands, width, width), zero where nothing is drawn; row and column of its first pixel.
    """
    column, row = (
        int(np.clip(np.floor(centre + 0.5) - width // 2, 0, size - width))
        for centre in (isolated.placed.x, isolated.placed.y)
    )
    part, (rows, columns) = isolated.inside(size)
    cut = np.zeros((part.shape[0], width, width), np.float32)
    first, last = max(row, rows.start), min(row + width, rows.stop)
    left, right = max(column, columns.start), min(column + width, columns.stop)
    if first < last and left < right:
        cut[:, first - row : last - row, left - column : right - column] = part[
            :,
            first - rows.start : last - rows.start,
            left - columns.start : right - columns.start,
        ]
    return cut, row, column


def _reach(light: Light, psf: Psf) -> float:
    """Returns the distance (arcsec) from the source's centre to which a part of it is drawn."""
    camera = psf.camera
    # Pixels of one sigma, all bands together.
    flux = float(np.sum(light.flux / camera.noise_sigma) / np.sqrt(len(camera.bands)))
    brightness = _FAINTEST / max(flux, 1e-9) / camera.pixel_scale**2
    reach = float(np.hypot(*light.offset)) + _psf_reach(psf, brightness)
    if isinstance(light.shape, Component):
        reach += _sersic_reach(light.shape, brightness)
    elif light.shape is not None:
        image, scale = light.shape
        reach += 0.5 * scale * image.shape[0]
    return reach


def _psf_reach(psf: Psf, brightness: float) -> float:
    """Returns where a Moffat profile of flux 1 falls to a brightness per square arcsec."""
    beta, fwhm = psf.camera.psf_beta, max(psf.fwhm)
    scale = 0.5 * fwhm / np.sqrt(2 ** (1 / beta) - 1)
    centre = (beta - 1) / (np.pi * scale**2)
    return float(scale * np.sqrt(max((centre / brightness) ** (1 / beta) - 1, 1.0)))


def _sersic_reach(shape: Component, brightness: float) -> float:
    """Returns where a Sersic profile of flux 1 falls to a brightness on its major axis."""
    index, radius = shape.sersic_index, shape.half_light_radius
    scale = scipy.special.gammaincinv(2 * index, 0.5)
    centre = scale ** (2 * index) / (2 * np.pi * index * radius**2 * scipy.special.gamma(2 * index))
    steps = (np.log(max(centre / brightness, 1.0)) / scale) ** index
    if shape.truncation:
        steps = min(steps, shape.truncation)
    return float(steps * radius / np.sqrt(shape.axis_ratio))
