"""Simulated multi-band fields and stamps, with the truth of every pixel and source."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_builders.beam_shards import BeamShardsBuilder
from tfds_builders.features import Stamp
from tfds_builders.galaxy_scenes.cameras import NANOJANSKY_ZEROPOINT, camera
from tfds_builders.galaxy_scenes.configs import FieldsConfig, ScenesConfig, StampsConfig
from tfds_builders.galaxy_scenes.cosmos_galaxies import shared_sample
from tfds_builders.galaxy_scenes.scenes import PSF_SIZE, ScenesOfFile, cut_shape, max_sources
from tfds_builders.galaxy_scenes.sources import CLASSES
from tfds_builders.galaxy_scenes.truth import NUM_SHARES
from tfds_builders.indexed_shards import IndexedShard
from tfds_builders.manual_folder import manual_folder

__all__ = ["Builder"]

# Scenes in a file: some seconds of work.
_FIELDS, _STAMPS = 100, 500


class Builder(BeamShardsBuilder):
    """Builder of galaxy_scenes."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    galaxies=cosmos: a COSMOS sample (F814W < 25.2 or 23.5) as galsim_download_cosmos lays it out,
    or its table of parametric fits alone, in manual_dir or in a folder in it.
    """
    BUILDER_CONFIGS: ClassVar[list[ScenesConfig]] = [
        FieldsConfig(
            name="fields",
            description="Fields as crowded as the sky, for segmentation and detection.",
        ),
        StampsConfig(
            name="stamps",
            description="Stamps of a galaxy with and without neighbours, for deblending.",
        ),
    ]

    @property
    def processes(self) -> int | None:
        return self.builder_config.processes

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        survey = camera(config.survey)
        size, bands, sources = config.size, len(survey.bands), max_sources(config)

        def column(kind: type, *shape: int) -> tfds.features.Tensor:
            return tfds.features.Tensor(shape=(sources, *shape), dtype=kind)

        features: dict[str, Any] = {
            "id": tfds.features.Text(),
            "image": Stamp(shape=(size, size, bands)),
            "noiseless": Stamp(shape=(size, size, bands)),
            "segmentation": Stamp(shape=(size, size), dtype=np.int32),
            "class_map": Stamp(shape=(size, size), dtype=np.uint8),
            "share": Stamp(shape=(size, size, NUM_SHARES)),
            "share_source": Stamp(shape=(size, size, NUM_SHARES), dtype=np.int32),
            "isolated": Stamp(shape=(sources, *cut_shape(config), bands)),
            "num_sources": np.int32,
            "num_omitted": np.int32,
            "x": column(np.float32),
            "y": column(np.float32),
            "flux": column(np.float32, bands),
            "half_light_radius": column(np.float32),
            "e1": column(np.float32),
            "e2": column(np.float32),
            "class": column(np.int32),
            "votes": column(np.float32, len(CLASSES) - 1),
            "bulge_fraction": column(np.float32),
            "redshift": column(np.float32),
            "snr": column(np.float32),
            "blendedness": column(np.float32),
            "area": column(np.int32),
            "psf": Stamp(shape=(PSF_SIZE, PSF_SIZE, bands)),
            "psf_fwhm": tfds.features.Tensor(shape=(bands,), dtype=np.float32),
            "noise_sigma": tfds.features.Tensor(shape=(bands,), dtype=np.float32),
        }
        if isinstance(config, FieldsConfig):
            features |= {"cutout_row": column(np.int32), "cutout_column": column(np.int32)}
        elif config.shear:
            features |= {
                "scene": np.int32,
                "shear": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            }
        if config.defect_fraction:
            features["mask"] = Stamp(shape=(size, size, bands), dtype=np.uint8)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(
                {
                    "bands": list(survey.bands),
                    "pixel_scale": survey.pixel_scale,
                    "units": "nanojansky",
                    "zeropoint": NANOJANSKY_ZEROPOINT,
                    "survey": survey.name,
                    "classes": list(CLASSES),
                    "isophote": config.isophote,
                    "electrons_per_nanojansky": list(survey.electrons),
                    "seed": config.seed,
                }
            ),
        )

    def _shard_iterators_per_split(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, list[IndexedShard]]:
        config = self.builder_config
        folder = None
        if config.galaxies == "cosmos":
            folder = manual_folder(dl_manager, f"{self.name}/{config.name}", "a COSMOS sample")
            # Before any worker starts, so that missing files are reported at once.
            self.info.metadata["sample"] = shared_sample(folder, config.catalogue).path.name
        step = _FIELDS if isinstance(config, FieldsConfig) else _STAMPS
        return ScenesOfFile.of_splits(config, folder, step)
