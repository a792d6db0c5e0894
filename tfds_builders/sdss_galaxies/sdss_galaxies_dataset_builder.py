"""Galaxies with a spectrum, an image and a redshift each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from tfds_builders.beam_shards import BeamShardsBuilder, ShardExamples
from tfds_builders.features import Stamp
from tfds_builders.left_out import LeftOut
from tfds_builders.manual_folder import manual_folder
from tfds_builders.sdss_galaxies.bandpasses import BANDS
from tfds_builders.sdss_galaxies.configs import ObservedConfig, SimulatedConfig
from tfds_builders.sdss_galaxies.emission_lines import CLASSES
from tfds_builders.sdss_galaxies.model_spectra import EQUIVALENT_WIDTHS
from tfds_builders.sdss_galaxies.observed import index_folder
from tfds_builders.sdss_galaxies.simulated import IMAGE_SIZE, GalaxiesOfFile
from tfds_builders.sdss_galaxies.spectrograph import MASK_BITS
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME
from tfds_builders.surveys import NANOMAGGY_ZEROPOINT, survey

__all__ = ["Builder"]

# Galaxies in a file: some seconds of work.
_OF_FILE = 500


class Builder(BeamShardsBuilder):
    """Builder of sdss_galaxies."""

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {
        "1.1.0": "simulated: the seeing of each image; the rest is the same.",
        "1.0.0": "First release.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    sdss: FITS files spec-PLATE-MJD-FIBER of SDSS, BOSS and eBOSS, and coadds of DESI with their
    redrock tables, in manual_dir or in folders in it.
    """
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        SimulatedConfig(
            name="simulated",
            description="Simulated galaxies with their truth.",
        ),
        ObservedConfig(name="sdss", description="Observed spectra of SDSS and DESI."),
    ]

    @property
    def processes(self) -> int | None:
        return self.builder_config.processes

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        metadata: dict[str, Any] = {
            "spectrum_units": "1e-17 erg / (s cm2 A)",
            "wavelength": {
                "frame": "rest, vacuum",
                "units": "A",
                "log10_first_edge": REST_FRAME.start,
                "log10_step": REST_FRAME.step,
                "number": REST_FRAME.number,
            },
            "mask_bits": MASK_BITS,
        }
        bins = (REST_FRAME.number,)
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "spectrum": Stamp(shape=bins),
            "inverse_variance": Stamp(shape=bins),
            "spectrum_mask": Stamp(shape=bins, dtype=np.uint8),
            "redshift": np.float32,
            "redshift_error": np.float32,
        }
        if isinstance(config, SimulatedConfig):
            features |= _simulated_features()
            sdss = survey("SDSS", BANDS)
            metadata |= {
                "bands": list(BANDS),
                "pixel_scale": sdss.pixel_scale,
                "units": "nanomaggies",
                "zeropoint": NANOMAGGY_ZEROPOINT,
                "survey": sdss.name,
                "equivalent_widths": list(EQUIVALENT_WIDTHS),
                "seed": config.seed,
            }
        else:
            features |= {
                "redshift_warning": np.int32,
                "class": tfds.features.Text(),
                "subclass": tfds.features.Text(),
            }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _shard_iterators_per_split(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, list[ShardExamples]]:
        config = self.builder_config
        if isinstance(config, SimulatedConfig):
            return GalaxiesOfFile.of_splits(config, None, _OF_FILE)
        folder = manual_folder(dl_manager, f"{self.name}/{config.name}", "FITS files of spectra")
        left_out = LeftOut(config.on_error)
        shards = index_folder(epath.Path(folder), _OF_FILE, left_out, config.kinds)
        left_out.report()
        self.info.metadata["left_out"] = left_out.lines
        return shards


def _simulated_features() -> dict[str, Any]:
    bands = tfds.features.Tensor(shape=(len(BANDS),), dtype=np.float32)
    return {
        "image": Stamp(shape=(IMAGE_SIZE, IMAGE_SIZE, len(BANDS))),
        "label": tfds.features.ClassLabel(names=list(CLASSES)),
        "galactic_reddening": np.float32,
        "magnitude": bands,
        "magnitude_error": bands,
        "break_4000": np.float32,
        "equivalent_widths": tfds.features.Tensor(
            shape=(len(EQUIVALENT_WIDTHS),), dtype=np.float32
        ),
        "true_spectrum": Stamp(shape=(REST_FRAME.number,)),
        "true_redshift": np.float32,
        "true_magnitude": bands,
        "half_light_radius": np.float32,
        "seeing": bands,
        "velocity_dispersion": np.float32,
        "reddening": np.float32,
        "old_share": np.float32,
    }
