"""Fields and stamps with their truth, each from generators of its own."""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import galsim
import numpy as np
import threadpoolctl

from tfds_builders.compression import compress
from tfds_builders.galaxy_scenes.cameras import Camera, Psf, camera, draw_psf
from tfds_builders.galaxy_scenes.configs import FieldsConfig, ScenesConfig, StampsConfig
from tfds_builders.galaxy_scenes.cosmos_galaxies import CosmosGalaxies, shared_sample
from tfds_builders.galaxy_scenes.defects import add_defects
from tfds_builders.galaxy_scenes.isolated import Isolated, draw_isolated, window
from tfds_builders.galaxy_scenes.shears import sheared, stamp_shear
from tfds_builders.galaxy_scenes.sky import GALAXIES, STARS, DrawGalaxy, Placed, draw_sky
from tfds_builders.galaxy_scenes.sources import Source, draw_galaxy, draw_star
from tfds_builders.galaxy_scenes.truth import PixelTruth, measure_scene, signal_to_noise
from tfds_builders.galaxy_scenes.votes import draw_votes
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.splits import SPLITS

__all__ = ["PSF_SIZE", "Scene", "Scenes", "ScenesOfFile", "cut_shape", "max_sources"]

PSF_SIZE = 33
"""Pixels on a side of the stored PSFs."""

# Streams of random numbers of a scene.
_SKY, _NOISE, _VOTES, _DEFECTS = range(4)
# Pixels around a field from which light falls into it.
_MARGIN = 16
# Signal-to-noise ratio in the field below which a source with its centre outside is not drawn.
_LEAST_OUTSIDE = 1.0
# Largest distance of a neighbour from the centre of a stamp, in units of its size.
_FARTHEST = 0.45
# Bits of the mantissa that noiseless images keep: errors of 1e-4, and fewer bytes.
_MANTISSA = 12


@dataclasses.dataclass(frozen=True)
class Scene:
    """A scene without noise.

    Attributes:
        psf: Of the scene, with its camera.
        sources: In the order of their numbers: of a stamp the target first, then by their
            signal-to-noise ratio.
        num_omitted: Sources that are left out because there are too many.
        truth: Of its pixels and sources.
    """

    psf: Psf
    sources: Sequence[Isolated]
    num_omitted: int
    truth: PixelTruth


@dataclasses.dataclass(frozen=True)
class Scenes:
    """All scenes that follow from a configuration.

    Attributes:
        config: Fields or stamps.
        folder: Where the COSMOS sample is, if the configuration needs one.
    """

    config: ScenesConfig
    folder: str | None = None

    @functools.cached_property
    def camera(self) -> Camera:
        """Camera of the survey."""
        return camera(self.config.survey)

    @functools.cached_property
    def _galaxies(self) -> dict[str, DrawGalaxy]:
        """Sources of galaxies of each split; galaxies of a catalogue are in one of them only."""
        if self.config.galaxies == "cosmos":
            sample = shared_sample(self.folder, self.config.catalogue)
            return {split: CosmosGalaxies(sample, split, self.camera).draw for split in SPLITS}

        def draw(rng: np.random.Generator, i: float, redshift: float | None = None) -> Source:
            return draw_galaxy(rng, i, self.camera, redshift)

        return dict.fromkeys(SPLITS, draw)

    def scene(self, split: str, index: int, shear: galsim.Shear | None = None) -> Scene:
        """Returns a scene without noise.

        Args:
            split: Name of the split.
            index: Number of the scene in it.
            shear: That of the galaxies of a stamp; None for none.
        """
        config, sigma = self.config, self.camera.noise_sigma
        rng = self._generator(split, index, _SKY)
        psf = draw_psf(self.camera, rng)
        if isinstance(config, StampsConfig):
            placed = self._draw_stamp(rng, psf, self._galaxies[split])
            if shear is not None:
                placed = [sheared(each, shear, config.size // 2) for each in placed]
            sources = [draw_isolated(each, psf) for each in placed]
            target, others = sources[:1], sources[1:]
        else:
            placed = self._draw_field(rng, self._galaxies[split])
            target, others = [], [draw_isolated(each, psf) for each in placed]
        snr = {id(each): signal_to_noise(each, sigma, config.size) for each in others}
        others = [
            each for each in others if self._is_inside(each) or snr[id(each)] >= _LEAST_OUTSIDE
        ]
        others.sort(key=lambda each: -snr[id(each)])
        kept = (target + others)[: max_sources(config)]
        return Scene(
            psf,
            kept,
            len(target) + len(others) - len(kept),
            measure_scene(kept, sigma, config.size, config.isophote),
        )

    def draw(self, split: str, index: int) -> dict[str, Any]:
        """Returns the features of one example, large arrays compressed."""
        config, further, shear = self.config, {}, None
        if isinstance(config, StampsConfig) and config.shear:
            index, shear = stamp_shear(index, config.shear)
            further |= {"scene": index, "shear": np.array([shear.g1, shear.g2], np.float32)}
        scene = self.scene(split, index, shear)
        truth = scene.truth
        noisy = self.camera.with_noise(truth.noiseless, self._generator(split, index, _NOISE))
        if config.defect_fraction:
            rng = self._generator(split, index, _DEFECTS)
            mask = add_defects(noisy, self.camera.noise_sigma, config.defect_fraction, rng)
            further["mask"] = _packed(np.moveaxis(mask, 0, -1))
        if isinstance(config, StampsConfig):
            size = config.size
            cut = [window(each, size, size) for each in scene.sources]
        else:
            cut = [window(each, config.cutout_size, config.size) for each in scene.sources]
            further |= {
                "cutout_row": self._padded([row for _, row, _ in cut], np.int32),
                "cutout_column": self._padded([column for _, _, column in cut], np.int32),
            }
        images = np.zeros((max_sources(config), *cut_shape(config), len(self.camera.bands)), "f4")
        for number, (image, _, _) in enumerate(cut):
            images[number] = np.moveaxis(image, 0, -1)
        return {
            "image": compress(np.moveaxis(noisy, 0, -1)),
            "noiseless": compress(_rounded(np.moveaxis(truth.noiseless, 0, -1)), runs=True),
            "segmentation": _packed(truth.segmentation),
            "class_map": _packed(truth.class_map),
            "share": _packed(truth.shares),
            "share_source": _packed(truth.share_sources),
            "isolated": compress(_rounded(images), runs=True),
            **further,
            "num_sources": len(scene.sources),
            "num_omitted": scene.num_omitted,
            **self._catalogue(scene, self._generator(split, index, _VOTES)),
            "psf": compress(_rounded(np.moveaxis(scene.psf.pixels(PSF_SIZE), 0, -1))),
            "psf_fwhm": np.array(scene.psf.fwhm, np.float32),
            "noise_sigma": self.camera.noise_sigma.astype(np.float32),
        }

    def _catalogue(self, scene: Scene, rng: np.random.Generator) -> dict[str, np.ndarray]:
        placed = [each.placed for each in scene.sources]
        sources = [each.source for each in placed]
        truth, fwhm = scene.truth, float(np.min(scene.psf.fwhm))
        votes = [
            draw_votes(rng, source, fwhm, float(snr))
            for source, snr in zip(sources, truth.snr, strict=True)
        ]
        ellipticity = np.reshape([source.ellipticity for source in sources], (-1, 2))
        columns = {
            "x": [each.x for each in placed],
            "y": [each.y for each in placed],
            "half_light_radius": [source.half_light_radius for source in sources],
            "e1": ellipticity[:, 0],
            "e2": ellipticity[:, 1],
            "redshift": [source.redshift for source in sources],
            "bulge_fraction": [source.bulge_fraction for source in sources],
            "snr": truth.snr,
            "blendedness": truth.blendedness,
        }
        bands = len(self.camera.bands)
        return {
            **{name: self._padded(values, np.float32) for name, values in columns.items()},
            "flux": self._padded([source.flux for source in sources], np.float32, (bands,)),
            "votes": self._padded(votes, np.float32, (4,)),
            "class": self._padded([source.kind for source in sources], np.int32, padding=-1),
            "area": self._padded(truth.area, np.int32),
        }

    def _draw_field(self, rng: np.random.Generator, galaxies: DrawGalaxy) -> list[Placed]:
        config = self.config
        return draw_sky(
            rng,
            self.camera,
            galaxies,
            config.size,
            _MARGIN,
            *config.limits,
            crowding=config.crowding,
            stars=config.stars,
            clustering=config.clustering,
        )

    def _draw_stamp(self, rng: np.random.Generator, psf: Psf, galaxies: DrawGalaxy) -> list[Placed]:
        """Draws a target galaxy and its neighbours, which are stars as often as the counts say."""
        config = self.config
        limits = config.limits
        number = int(rng.integers(config.max_neighbours, endpoint=True))
        magnitudes = GALAXIES.draw(rng, *limits, 1 + number)
        if config.brightest:
            magnitudes.sort()
        target = galaxies(rng, float(magnitudes[0]), None)
        x, y = config.size // 2 + config.centre_scatter * rng.normal(size=2)
        placed = [Placed(target, float(x), float(y))]
        stars = config.stars * STARS.density(*limits)
        share = stars / (stars + GALAXIES.density(*limits))
        seen = np.hypot(target.half_light_radius, 0.5 * min(psf.fwhm)) / self.camera.pixel_scale
        for i in magnitudes[1:]:
            if rng.uniform() < share:
                source = draw_star(rng, float(i), self.camera)
            else:
                source = galaxies(rng, float(i), None)
            # Of a large target the range ends in the stamp: cut after the draw, many neighbours
            # would lie at one and the same distance.
            nearest, farthest = (
                min(seen * each, _FARTHEST * config.size)
                for each in (config.min_separation, config.max_separation)
            )
            distance = rng.uniform(nearest, farthest)
            angle = rng.uniform(0, 2 * np.pi)
            place = (x + distance * np.cos(angle), y + distance * np.sin(angle))
            placed.append(Placed(source, *map(float, place)))
        return placed

    def _is_inside(self, isolated: Isolated) -> bool:
        limit = self.config.size - 0.5
        return -0.5 <= isolated.placed.x < limit and -0.5 <= isolated.placed.y < limit

    def _generator(self, split: str, index: int, stream: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, SPLITS.index(split), stream, index))

    def _padded(
        self, values: Sequence[Any], kind: type, shape: tuple[int, ...] = (), padding: int = 0
    ) -> np.ndarray:
        padded = np.full((max_sources(self.config), *shape), padding, kind)
        padded[: len(values)] = np.reshape(values, (-1, *shape))
        return padded


class ScenesOfFile(IndexedShard):
    """The scenes of one file."""

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        scenes = Scenes(self.config, self.folder)
        # Products of matrices are rounded by the number of threads, and workers are many.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            for index, name in self.identifiers():
                yield name, scenes.draw(self.split, index) | {"id": name}


def max_sources(config: ScenesConfig) -> int:
    """Returns the number of sources of which the truth is kept."""
    return config.max_sources if isinstance(config, FieldsConfig) else 1 + config.max_neighbours


def cut_shape(config: ScenesConfig) -> tuple[int, int]:
    """Returns rows and columns of the stored isolated images."""
    side = config.cutout_size if isinstance(config, FieldsConfig) else config.size
    return side, side


def _rounded(image: np.ndarray) -> np.ndarray:
    bits = np.ascontiguousarray(image, np.float32).view(np.uint32)
    dropped = 23 - _MANTISSA
    kept = (bits + np.uint32(1 << (dropped - 1))) >> np.uint32(dropped) << np.uint32(dropped)
    return kept.view(np.float32)


def _packed(image: np.ndarray) -> bytes:
    # Few values that repeat themselves, which the search for occurrences finds.
    return zlib.compress(np.ascontiguousarray(image).tobytes(), 1)
