"""Files of simulated galaxies: spectrum, image, redshift and truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfds_builders.compression import compress
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.sdss_galaxies.bandpasses import BANDS
from tfds_builders.sdss_galaxies.configs import DEPTHS, SimulatedConfig
from tfds_builders.sdss_galaxies.images import draw_image, measure_magnitudes
from tfds_builders.sdss_galaxies.model_spectra import ModelSpectra, make_spectra
from tfds_builders.sdss_galaxies.population import NUM_DRAWS, Galaxies, draw_galaxies
from tfds_builders.sdss_galaxies.spectrograph import spectrograph
from tfds_builders.sdss_galaxies.wavelengths import WITHIN_WIDE
from tfds_builders.simulation.observation import FIELDS, draw_field
from tfds_builders.simulation.redshifts import flux_limited_sample
from tfds_builders.splits import SPLITS
from tfds_builders.surveys import survey

__all__ = ["IMAGE_SIZE", "GalaxiesOfFile", "model_galaxies"]

IMAGE_SIZE = 64
"""Pixels on a side."""

# Galaxies whose spectra are made at once: bounds the memory.
_BLOCK = 250
# Streams of random numbers of a galaxy.
_TRUTH, _OBSERVATION = range(2)
# Error of the redshift of a spectrum of median quality.
_REDSHIFT_ERROR = 1.2e-5


def model_galaxies(
    config: SimulatedConfig, split: str, indices: range
) -> tuple[Galaxies, ModelSpectra]:
    """Returns galaxies and their spectra without noise.

    Args:
        config: Seed and depth.
        split: Name of the split.
        indices: Numbers of the galaxies in it.
    """
    uniform = [_generator(config, split, index, _TRUTH).random(NUM_DRAWS) for index in indices]
    galaxies = draw_galaxies(np.array(uniform), flux_limited_sample(*DEPTHS[config.depth]))
    return galaxies, make_spectra(galaxies)


class GalaxiesOfFile(IndexedShard):
    """The galaxies of one file."""

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        identifiers = dict(self.identifiers())
        for start in range(self.start, self.stop, _BLOCK):
            indices = range(start, min(start + _BLOCK, self.stop))
            galaxies, spectra = model_galaxies(self.config, self.split, indices)
            for row, index in enumerate(indices):
                rng = _generator(self.config, self.split, index, _OBSERVATION)
                example = self._observed(galaxies, spectra, row, rng)
                yield identifiers[index], {"id": identifiers[index], **example}

    def _observed(
        self, galaxies: Galaxies, spectra: ModelSpectra, row: int, rng: np.random.Generator
    ) -> dict[str, Any]:
        sdss = survey("SDSS", BANDS)
        instrument = spectrograph(self.config.spectrograph)
        field = draw_field(sdss, self.config.seed, int(rng.integers(FIELDS)))
        redshift, radius = float(galaxies.redshift[row]), float(galaxies.half_light_radius[row])
        in_fibre = _fibre_share(radius, instrument.fibre_radius) * spectra.total[row, WITHIN_WIDE]
        flux, inverse_variance, mask = instrument.observe(in_fibre, redshift, rng)
        # So that the integral over the rest frame is that over the observer's.
        stretch = np.float32(1 + redshift)
        error = _REDSHIFT_ERROR * (1 + redshift) * np.exp(0.4 * rng.standard_normal())
        fluxes = spectra.fluxes[:, row]
        magnitude, magnitude_error = measure_magnitudes(
            fluxes.sum(axis=0), radius, field, sdss, rng
        )
        image = draw_image(galaxies, row, fluxes, field, sdss, IMAGE_SIZE, rng)
        return {
            "image": compress(image),
            "spectrum": compress(flux * stretch),
            "inverse_variance": compress(inverse_variance / stretch**2),
            "spectrum_mask": compress(mask, runs=True),
            "label": int(spectra.label[row]),
            "redshift": redshift + error * rng.standard_normal(),
            "redshift_error": error,
            "true_redshift": redshift,
            "galactic_reddening": galaxies.galactic_reddening[row],
            "magnitude": magnitude,
            "magnitude_error": magnitude_error,
            "true_magnitude": (22.5 - 2.5 * np.log10(fluxes.sum(axis=0))).astype(np.float32),
            "break_4000": spectra.break_4000[row],
            "equivalent_widths": spectra.equivalent_widths[row].astype(np.float32),
            "true_spectrum": compress((in_fibre * stretch).astype(np.float32)),
            "half_light_radius": radius,
            "seeing": np.array(field.seeing, np.float32),
            "velocity_dispersion": galaxies.dispersion[row],
            "reddening": galaxies.reddening[row],
            "old_share": galaxies.weights[row, 0],
        }


def _fibre_share(half_light_radius: float, fibre_radius: float) -> float:
    """Returns the share of a galaxy's light in a fibre, about right for all Sersic indices."""
    return 1 / (1 + (half_light_radius / fibre_radius) ** 1.3)


def _generator(config: SimulatedConfig, split: str, index: int, stream: int) -> np.random.Generator:
    return np.random.default_rng((config.seed, SPLITS.index(split), stream, index))
