"""Galaxies, and a source of galaxies for each split."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from tfds_builders.simulation.fourier import Component, Grid

__all__ = ["GalaxySource", "Intrinsic", "SersicGalaxy"]


class Intrinsic(Protocol):
    """A galaxy above the atmosphere.

    Attributes:
        flux: Total, counts.
        half_light_radius: Circularised, arcsec.
        catalogue_index: Its row in the catalogue; -1 if there is none.
        reach: Radius (arcsec) beyond which its light does not matter.
    """

    flux: float
    half_light_radius: float
    catalogue_index: int

    @property
    def reach(self) -> float: ...

    def transform(self, grid: Grid) -> np.ndarray:
        """Returns the Fourier transform on a grid, with its centre at the origin."""


class GalaxySource(Protocol):
    """Galaxies, each of which belongs to one split."""

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[Intrinsic]:
        """Draws different galaxies of a split, in counts.

        Args:
            rng: Source of the choice and of the position angles.
            split: "train", "validation" or "test".
            number: How many.
        """


@dataclasses.dataclass(frozen=True)
class SersicGalaxy:
    """A galaxy of one or two Sersic profiles; for its attributes see `Intrinsic`."""

    components: tuple[Component, ...]
    half_light_radius: float
    catalogue_index: int = -1

    @property
    def flux(self) -> float:
        return sum(each.flux for each in self.components)

    @property
    def reach(self) -> float:
        return max(each.reach for each in self.components)

    def transform(self, grid: Grid) -> np.ndarray:
        first, *rest = (each.transform(grid) for each in self.components)
        for other in rest:
            first += other
        return first
