"""Stamps of one galaxy or several, each from a generator of its own."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tfds_builders.compression import compress
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.simulated_blends.configs import BlendsConfig, CosmosConfig
from tfds_builders.simulated_blends.population import PopulationGalaxies
from tfds_builders.simulation.artefacts import add_artefacts
from tfds_builders.simulation.cfht import Psf, draw_psf
from tfds_builders.simulation.cosmos import ParametricGalaxies, RealGalaxies
from tfds_builders.simulation.cosmos_tables import ACS_ZEROPOINT
from tfds_builders.simulation.fourier import fitting_grid
from tfds_builders.simulation.galaxies import GalaxySource, Intrinsic
from tfds_builders.splits import SPLITS
from tfds_builders.surveys import survey

__all__ = ["CLASSES", "QUANTUM", "SIZE", "SURVEY", "Scene", "Stamps", "StampsOfFile"]

SIZE = 51
CLASSES = ("isolated", "blended")
SURVEY = survey("CFHTLS", ("r",))

# Offsets of the further sources, read off the published positions.
_OFFSETS = (-25, 24)

# Pixels are multiples of it: a thousandth of the least noise, and they compress to a half.
QUANTUM = 2.0**-8

# Grids on which stamps are drawn, pixels.
_GRIDS = (128, 192, 288)


@dataclasses.dataclass(frozen=True)
class Scene:
    """Contents of one stamp.

    Attributes:
        galaxies: The first is at `centre`.
        offsets: (sources at most, 2) int32, x (columns) and y (rows) of each from the first.
        psf: Through which they are seen.
        centre: x and y of the first galaxy from the centre of the middle pixel.
    """

    galaxies: tuple[Intrinsic, ...]
    offsets: np.ndarray
    psf: Psf
    centre: tuple[float, float] = (0.0, 0.0)

    def image(self) -> np.ndarray:
        """Returns the image without noise, (SIZE, SIZE) float32, counts."""
        farthest = float(np.abs(self.offsets + self.centre).max()) + SIZE // 2 + 1
        reach = max(each.reach for each in self.galaxies) / SURVEY.pixel_scale + farthest
        grid = fitting_grid(reach, _GRIDS, SURVEY.pixel_scale)
        total = self.galaxies[0].transform(grid)
        for galaxy, (x, y) in zip(self.galaxies[1:], self.offsets[1:], strict=False):
            total = total + grid.shifted(galaxy.transform(grid), x, y)
        if any(self.centre):
            total = grid.shifted(total, *self.centre)
        return grid.image(total * self.psf.transform(grid), SIZE)


@dataclasses.dataclass(frozen=True)
class Stamps:
    """All stamps that follow from a configuration.

    Attributes:
        config: What to draw.
        folder: Where the COSMOS sample is, if the configuration needs one.
    """

    config: BlendsConfig
    folder: str | None = None

    @functools.cached_property
    def galaxies(self) -> GalaxySource:
        """Source of the galaxies.

        Raises:
            ValueError, FileNotFoundError: if the sample is missing or not usable.
        """
        config = self.config
        if not isinstance(config, CosmosConfig):
            return PopulationGalaxies(config.faint, _zero_flux(config))
        counts = _zero_flux(config) * 10 ** (-0.4 * ACS_ZEROPOINT)
        kind = RealGalaxies if config.real else ParametricGalaxies
        return kind(self.folder, config.faint, counts, config.rotate, config.catalogue)

    def draw(self, split: str, index: int) -> dict[str, Any]:
        """Returns the features of one stamp, its image with axes of rows, columns and bands."""
        config = self.config
        rng = self._generator(split, index)
        scene = self._scene(split, index, rng)
        image = scene.image()
        flags = {}
        if config.artefact_fraction:
            flags = add_artefacts(
                image,
                scene.psf,
                SURVEY.pixel_scale,
                _zero_flux(config),
                config.artefact_fraction,
                rng,
            )
        number = len(scene.galaxies)
        offsets = scene.offsets
        distances = np.hypot(*offsets[1:number].T)
        further = offsets[1] if config.max_sources == 2 else offsets[1:].T
        return {
            "image": np.round(image[:, :, None] / QUANTUM) * np.float32(QUANTUM),
            "label": int(number > 1),
            "num_sources": number,
            "separation": float(distances.min()) if number > 1 else 0.0,
            "offset_x": further[0],
            "offset_y": further[1],
            "flux": self._padded([each.flux for each in scene.galaxies], 0.0, np.float32),
            "half_light_radius": self._padded(
                [each.half_light_radius for each in scene.galaxies], 0.0, np.float32
            ),
            "catalogue_index": self._padded(
                [each.catalogue_index for each in scene.galaxies], -1, np.int64
            ),
            "psf_fwhm": scene.psf.fwhm,
            **flags,
        }

    def scene(self, split: str, index: int) -> Scene:
        """Returns what is in a stamp, artefacts aside."""
        return self._scene(split, index, self._generator(split, index))

    def _generator(self, split: str, index: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, SPLITS.index(split), 0, index))

    def _scene(self, split: str, index: int, rng: np.random.Generator) -> Scene:
        config = self.config
        number = 1
        if self._is_blended(split, index):
            number = int(rng.integers(2, config.max_sources, endpoint=True))
        galaxies = self.galaxies.draw(rng, split, number)
        offsets = np.zeros((config.max_sources, 2), np.int32)
        offsets[1:number] = rng.integers(*_OFFSETS, size=(number - 1, 2), endpoint=True)
        psf = draw_psf(rng, config.psf_fwhm, config.seeing_scatter)
        centre = (0.0, 0.0)
        if config.centre_scatter:
            centre = tuple(rng.normal(0.0, config.centre_scatter, 2))
        return Scene(tuple(galaxies), offsets, psf, centre)

    def _is_blended(self, split: str, index: int) -> bool:
        # One of two stamps that follow each other.
        pair = np.random.default_rng((self.config.seed, SPLITS.index(split), 1, index // 2))
        return bool(pair.integers(2) == index % 2)

    def _padded(self, values: list, padding: float, kind: type) -> np.ndarray:
        missing = self.config.max_sources - len(values)
        return np.array([*values, *[padding] * missing], kind)


def _zero_flux(config: BlendsConfig) -> float:
    """Returns the counts from a source of magnitude 0."""
    return float(10 ** (0.4 * SURVEY.zeropoint[0]) * config.exposure_time)


class StampsOfFile(IndexedShard):
    """The stamps of one file."""

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        stamps = _shared_stamps(self.config, self.folder)
        for index, identifier in self.identifiers():
            example = stamps.draw(self.split, index)
            example |= {"id": identifier, "image": compress(example["image"])}
            yield identifier, example


# A worker writes many files of one configuration, and reads its catalogue once.
_SHARED: dict[str, Stamps] = {}


def _shared_stamps(config: BlendsConfig, folder: str | None) -> Stamps:
    key = repr((config, folder))
    if key not in _SHARED:
        _SHARED.clear()
        _SHARED[key] = Stamps(config, folder)
    return _SHARED[key]
