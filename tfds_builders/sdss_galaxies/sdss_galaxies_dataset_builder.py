"""Galaxies with a spectrum, an image and a redshift each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_builders.beam_shards import BeamShardsBuilder
from tfds_builders.features import Stamp
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.sdss_galaxies.bandpasses import BANDS
from tfds_builders.sdss_galaxies.configs import SimulatedConfig
from tfds_builders.sdss_galaxies.emission_lines import CLASSES
from tfds_builders.sdss_galaxies.model_spectra import EQUIVALENT_WIDTHS
from tfds_builders.sdss_galaxies.simulated import IMAGE_SIZE, GalaxiesOfFile
from tfds_builders.sdss_galaxies.spectrograph import MASK_BITS
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME
from tfds_builders.surveys import NANOMAGGY_ZEROPOINT, survey

__all__ = ["Builder"]

# Galaxies in a file: some seconds of work.
_OF_FILE = 500


class Builder(BeamShardsBuilder):
    """Builder of sdss_galaxies."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        SimulatedConfig(
            name="simulated",
            description="Simulated galaxies with their truth.",
        ),
    ]

    @property
    def processes(self) -> int | None:
        return self.builder_config.processes

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        sdss = survey("SDSS", BANDS)
        bins, bands = (REST_FRAME.number,), (len(BANDS),)
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": Stamp(shape=(IMAGE_SIZE, IMAGE_SIZE, len(BANDS))),
            "spectrum": Stamp(shape=bins),
            "inverse_variance": Stamp(shape=bins),
            "spectrum_mask": Stamp(shape=bins, dtype=np.uint8),
            "label": tfds.features.ClassLabel(names=list(CLASSES)),
            "redshift": np.float32,
            "redshift_error": np.float32,
            "galactic_reddening": np.float32,
            "magnitude": tfds.features.Tensor(shape=bands, dtype=np.float32),
            "magnitude_error": tfds.features.Tensor(shape=bands, dtype=np.float32),
            "break_4000": np.float32,
            "equivalent_widths": tfds.features.Tensor(
                shape=(len(EQUIVALENT_WIDTHS),), dtype=np.float32
            ),
            "true_spectrum": Stamp(shape=bins),
            "true_redshift": np.float32,
            "true_magnitude": tfds.features.Tensor(shape=bands, dtype=np.float32),
            "half_light_radius": np.float32,
            "velocity_dispersion": np.float32,
            "reddening": np.float32,
            "old_share": np.float32,
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(
                {
                    "bands": list(BANDS),
                    "pixel_scale": sdss.pixel_scale,
                    "units": "nanomaggies",
                    "zeropoint": NANOMAGGY_ZEROPOINT,
                    "survey": sdss.name,
                    "spectrum_units": "1e-17 erg / (s cm2 A)",
                    "wavelength": {
                        "frame": "rest, vacuum",
                        "units": "A",
                        "log10_first_edge": REST_FRAME.start,
                        "log10_step": REST_FRAME.step,
                        "number": REST_FRAME.number,
                    },
                    "mask_bits": MASK_BITS,
                    "equivalent_widths": list(EQUIVALENT_WIDTHS),
                    "seed": config.seed,
                }
            ),
        )

    def _shard_iterators_per_split(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, list[IndexedShard]]:
        return GalaxiesOfFile.of_splits(self.builder_config, None, _OF_FILE)
