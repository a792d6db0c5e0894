"""Light of one shape: a Sersic profile, an image or a point."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.simulation.fourier import Component, Grid

__all__ = ["Light"]


@dataclasses.dataclass(frozen=True)
class Light:
    """Light of one shape and one colour.

    Attributes:
        shape: A Sersic profile of flux 1; an image of flux 1 and its pixel scale (arcsec); None
            for a point.
        flux: (bands,), total.
        offset: x and y from the origin, arcsec.
    """

    shape: Component | tuple[np.ndarray, float] | None
    flux: np.ndarray
    offset: tuple[float, float] = (0.0, 0.0)

    def transform(self, grid: Grid) -> np.ndarray:
        """Returns the Fourier transform of its shape, where it is."""
        if isinstance(self.shape, Component):
            values = self.shape.transform(grid)
        elif self.shape is None:
            values = np.ones_like(grid.pixel)
        else:
            values = grid.transform_of(*self.shape)
        if self.offset == (0.0, 0.0):
            return values
        x, y = (each / grid.pixel_scale for each in self.offset)
        return grid.shifted(values, x, y)
