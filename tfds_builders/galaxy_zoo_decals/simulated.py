"""Simulated galaxies one by one, each from generators of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image
import threadpoolctl

from tfds_builders.compression import compress
from tfds_builders.galaxy_zoo_decals.configs import SimulatedConfig
from tfds_builders.galaxy_zoo_decals.examples import labelled
from tfds_builders.galaxy_zoo_decals.hubble_type import hubble_type
from tfds_builders.galaxy_zoo_decals.images import FULL_SIZE, image_scale, png, scaled
from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.perception import clarity
from tfds_builders.galaxy_zoo_decals.population import BRIGHT, FAINT
from tfds_builders.galaxy_zoo_decals.rgb import resampled, stretched
from tfds_builders.galaxy_zoo_decals.scene import ColouredLight, galaxy_lights, neighbour_lights
from tfds_builders.galaxy_zoo_decals.spoilt import add_artefact
from tfds_builders.galaxy_zoo_decals.truth import Truth, draw_truth
from tfds_builders.galaxy_zoo_decals.volunteers import draw_votes, expected_fractions
from tfds_builders.simulation.fourier import fitting_grid
from tfds_builders.simulation.legacy_surveys import BANDS, CAMERAS, Exposure, draw_exposure

__all__ = ["Galaxies", "SimulatedGalaxies", "Sky", "draw_sky", "identifier", "observe"]

# Grids on which images are drawn, pixels; what leaves them on one side enters on the other.
_GRIDS = (96, 128, 192, 256, 384, 512, 768, 1024)
# Native pixels around an image that its interpolation needs, and arcsec around it from which
# light still falls into it.
_MARGIN = 8
_REACH = 3.0

# Arcsec: the stacked images of all cameras have these pixels, for which the stretch is made.
_STACK_SCALE = 0.262

# Streams of random numbers of a galaxy.
_SKY, _VOTES, _ARTEFACT, _CAMERA = range(4)


@dataclasses.dataclass(frozen=True)
class Sky:
    """Sources at one position, above the atmosphere.

    Attributes:
        truth: The galaxy.
        lights: Its parts and what lies around it.
    """

    truth: Truth
    lights: list[ColouredLight]


def draw_sky(seed: int, index: int, bright: float = BRIGHT, faint: float = FAINT) -> Sky:
    """Draws a galaxy and its surroundings, the same for all surveys and parts of the image.

    Args:
        seed: Of the simulation.
        index: Of the galaxy.
        bright: Lower limit of its r magnitude. Default 13.5.
        faint: Upper limit. Default 17.77.
    """
    rng = np.random.default_rng((seed, _SKY, index))
    truth = draw_truth(rng, bright, faint)
    lights = [] if truth.artefact in ("star", "blank") else galaxy_lights(truth, rng)
    half_width = 0.5 * FULL_SIZE * image_scale(*truth.petrosian)
    return Sky(truth, lights + neighbour_lights(truth, half_width, rng))


def observe(
    sky: Sky, exposure: Exposure, width: float, noise: np.random.Generator, artefact: Any
) -> list[np.ndarray]:
    """Returns the sky as a camera sees it, (side, side) of its own pixels for each band.

    Args:
        sky: What there is.
        exposure: Camera, seeing and noise.
        width: Of the sky that must be seen, arcsec.
        noise: Source of the noise.
        artefact: Source of what spoils the picture.

    Returns:
        Nanomaggies per pixel of g, r, z; the sides are odd.
    """
    camera = exposure.camera
    reach = 0.5 * width + _REACH
    lights = [light for light in sky.lights if np.abs(light.offset).max() < reach]
    images, transforms = [], {}
    for band in range(len(BANDS)):
        scale = camera.pixel_scale[band]
        side = 2 * (int(np.ceil(0.5 * width / scale)) + _MARGIN) + 1
        grid = fitting_grid(1.3 * side, _GRIDS, scale)
        if grid not in transforms:
            transforms[grid] = [light.transform(grid) for light in lights]
        total = np.zeros(grid.pixel.shape, np.complex64)
        for light, transform in zip(lights, transforms[grid], strict=True):
            response = camera.response(light.g_i)[band]
            total += np.float32(light.flux[band] * response) * transform
        images.append(grid.image(total * exposure.psf(band, grid.size), side).astype(np.float64))
    if sky.truth.artefact:
        add_artefact(images, camera.pixel_scale, sky.truth.artefact, artefact)
    return [exposure.with_noise(image, band, noise) for band, image in enumerate(images)]


@dataclasses.dataclass(frozen=True)
class SimulatedGalaxies:
    """All galaxies that follow from a configuration.

    Attributes:
        config: What to draw.
    """

    config: SimulatedConfig

    def draw(self, index: int) -> dict[str, Any] | None:
        """Returns the features of one galaxy, or None if it has no label in the chosen task."""
        config = self.config
        sky = draw_sky(config.seed, index, config.bright, config.faint)
        truth = sky.truth
        votes = draw_votes(
            truth, config.volunteers, np.random.default_rng((config.seed, _VOTES, index))
        )
        ballots = {"votes": votes, **_counted(votes)}
        labels = labelled(
            ballots if config.labels == "votes" else _counted(truth.unanimous_votes), config, GZD5
        )
        if labels is None:
            return None
        camera = CAMERAS[config.survey]
        if config.linear:
            camera = camera.on_pixels(config.scale)
        stream = _CAMERA + list(CAMERAS).index(config.survey)
        rng = np.random.default_rng((config.seed, stream, index))
        exposure = draw_exposure(camera, rng)
        artefact = np.random.default_rng((config.seed, _ARTEFACT, index))
        draw = self._fluxes if config.linear else self._picture
        return (
            labels
            | ballots
            | draw(sky, exposure, rng, artefact)
            | {
                "truth": truth.indices,
                "expected_fractions": expected_fractions(truth).astype(np.float32),
                "clarity": clarity(truth),
                "t_type": hubble_type(truth),
                "redshift": truth.redshift,
                "absolute_magnitude": truth.absolute_magnitude,
                "magnitude": truth.magnitude,
                "petro_th50": truth.petrosian[0],
                "petro_th90": truth.petrosian[1],
                "axis_ratio": truth.axis_ratio,
                "bulge_fraction": truth.bulge_fraction,
                "bar_length": truth.bar_length * truth.scale_length,
                "bar_strength": truth.bar_strength,
                "bar_fraction": truth.bar_fraction,
                "arm_number": truth.arm_number,
                "arm_fraction": truth.arm_fraction,
                "pitch_angle": truth.pitch_angle,
                "flocculence": truth.flocculence,
                "ring": truth.ring_fraction > 0,
                "disturbance": truth.disturbance,
                "companion": truth.companion,
                "seeing": np.array(exposure.seeing, np.float32),
            }
        )

    def _picture(
        self, sky: Sky, exposure: Exposure, noise: np.random.Generator, artefact: Any
    ) -> dict[str, Any]:
        config = self.config
        scale = config.scale or image_scale(*sky.truth.petrosian)
        # Only what is shown is drawn, at the pixels of the published images.
        side = int(np.ceil(FULL_SIZE * config.crop))
        images = observe(sky, exposure, side * scale, noise, artefact)
        pictures = [
            resampled(image * (_STACK_SCALE / pixels) ** 2, pixels, side, scale)
            for image, pixels in zip(images, exposure.camera.pixel_scale, strict=True)
        ]
        colour = PIL.Image.fromarray(stretched(np.stack(pictures)))
        return {
            "image": scaled(colour, 1.0, config.image_size),
            "pixel_scale": scale * FULL_SIZE * config.crop / config.image_size,
        }

    def _fluxes(
        self, sky: Sky, exposure: Exposure, noise: np.random.Generator, artefact: Any
    ) -> dict[str, Any]:
        size = self.config.image_size
        images = observe(sky, exposure, size * self.config.scale, noise, artefact)
        first = len(images[0]) // 2 - size // 2
        shown = np.stack(images, axis=-1)[first : first + size, first : first + size]
        # Digits far below the noise cannot be compressed.
        quantum = 2.0 ** np.floor(np.log2(np.array(exposure.noise_sigma) / 16))
        return {
            "image": (np.round(shown / quantum) * quantum).astype(np.float32),
            "pixel_scale": self.config.scale,
            "noise_sigma": np.array(exposure.noise_sigma, np.float32),
            "electrons": np.array(
                [exposure.electrons(band) for band in range(len(BANDS))], np.float32
            ),
        }


def _counted(votes: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "total_votes": GZD5.totals(votes).astype(np.int32),
        "fractions": GZD5.fractions(votes),
    }


def identifier(seed: int, index: int) -> str:
    """Returns the name of a galaxy: the same in all surveys, so that it is in the same split."""
    return f"sim-{seed}-{index:07d}"


@dataclasses.dataclass(frozen=True)
class Galaxies:
    """The galaxies of one file, as `tfds_builders.beam_shards.ShardExamples`.

    Attributes:
        config: What to draw.
        indices: Of the galaxies.
    """

    config: SimulatedConfig
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        galaxies = SimulatedGalaxies(self.config)
        # Each worker is one of many: the threads of their small products of matrices would wait for
        # each other most of the time.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            for index in self.indices:
                example = galaxies.draw(index)
                if example is not None:
                    name = identifier(self.config.seed, index)
                    encode = compress if self.config.linear else png
                    yield name, example | {"id": name, "image": encode(example["image"])}
