"""Isolated and blended galaxies, simulated from COSMOS or from a population like it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_builders.beam_shards import BeamShardsBuilder
from tfds_builders.features import Stamp
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.manual_folder import manual_folder
from tfds_builders.simulated_blends.blends import CLASSES, SIZE, SURVEY, Stamps, StampsOfFile
from tfds_builders.simulated_blends.configs import BlendsConfig, CosmosConfig
from tfds_builders.simulation.artefacts import ARTEFACTS

__all__ = ["Builder"]

# Stamps in a file: some seconds of work.
_SHARD = 500


class Builder(BeamShardsBuilder):
    """Builder of simulated_blends."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    cosmos_parametric, cosmos_real: a COSMOS sample (F814W < 25.2 or 23.5) as
    galsim_download_cosmos lays it out, in manual_dir or in a folder in it. The first needs only
    real_galaxy_catalog_25.2_fits.fits, and takes ..._selection.fits into account if it is there.
    """
    BUILDER_CONFIGS: ClassVar[list[BlendsConfig]] = [
        BlendsConfig(
            name="simulated",
            description="Sersic galaxies from distributions fitted to the COSMOS catalogue.",
        ),
        CosmosConfig(
            name="cosmos_parametric",
            description="Parametric fits of COSMOS galaxies.",
        ),
        CosmosConfig(
            name="cosmos_real",
            description="Images of COSMOS galaxies, deconvolved.",
            real=True,
        ),
    ]

    @property
    def processes(self) -> int | None:
        return self.builder_config.processes

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        sources = (config.max_sources,)
        further = () if config.max_sources == 2 else (config.max_sources - 1,)
        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": Stamp(shape=(SIZE, SIZE, 1)),
            "label": tfds.features.ClassLabel(names=list(CLASSES)),
            "num_sources": np.int32,
            "separation": np.float32,
            "offset_x": tfds.features.Tensor(shape=further, dtype=np.int32),
            "offset_y": tfds.features.Tensor(shape=further, dtype=np.int32),
            "flux": tfds.features.Tensor(shape=sources, dtype=np.float32),
            "half_light_radius": tfds.features.Tensor(shape=sources, dtype=np.float32),
            "catalogue_index": tfds.features.Tensor(shape=sources, dtype=np.int64),
            "psf_fwhm": np.float32,
        }
        if config.artefact_fraction:
            features |= dict.fromkeys(ARTEFACTS, np.bool_)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
            metadata=tfds.core.MetadataDict(
                {
                    "bands": list(SURVEY.bands),
                    "pixel_scale": SURVEY.pixel_scale,
                    "units": "counts",
                    "zeropoint": SURVEY.zeropoint[0],
                    "exposure_time": config.exposure_time,
                    "survey": SURVEY.name,
                    "class_fractions": [0.5, 0.5],
                    "seed": config.seed,
                }
            ),
        )

    def _shard_iterators_per_split(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, list[IndexedShard]]:
        config = self.builder_config
        folder = None
        if isinstance(config, CosmosConfig):
            folder = manual_folder(dl_manager, f"{self.name}/{config.name}", "a COSMOS sample")
        stamps = Stamps(config, folder)
        # Before any worker starts, so that missing files are reported at once.
        sample = getattr(stamps.galaxies, "path", None)
        if sample is not None:
            self.info.metadata["sample"] = sample.name
        return StampsOfFile.of_splits(config, folder, _SHARD)
