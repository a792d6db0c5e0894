"""Stars and galaxies in u g r i z cutouts, simulated or from the SDSS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from tfds_builders.features import Stamp
from tfds_builders.simulation.catalogue import Sky, simulate_many
from tfds_builders.simulation.observation import FIELDS, median_noise
from tfds_builders.simulation.population import CLASSES, class_fractions
from tfds_builders.splits import SPLITS, split_of
from tfds_builders.surveys import survey

__all__ = ["Builder", "SimulatedConfig"]

_SIZE = 64
_BANDS = ("u", "g", "r", "i", "z")


@dataclasses.dataclass
class SimulatedConfig(tfds.core.BuilderConfig):
    """A simulated sky.

    Attributes:
        num_objects: Number of objects in all splits together.
        seed: Every object follows from it and from its own index.
        bright: Lower limit in r, mag.
        faint: Upper limit in r, mag.
        processes: Processes that simulate; None for one per core. No effect on the result.
    """

    num_objects: int = 10_000
    seed: int = 0
    bright: float = 17.0
    faint: float = 22.45
    processes: int | None = None

    def __post_init__(self) -> None:
        if self.num_objects < 1:
            raise ValueError(f"num_objects must be at least 1; got {self.num_objects}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}")
        if not 14 <= self.bright < self.faint <= 26:
            raise ValueError(
                f"bright and faint must hold 14 <= bright < faint <= 26; "
                f"got {self.bright} and {self.faint}"
            )
        if self.processes is not None and self.processes < 1:
            raise ValueError(f"processes must be at least 1; got {self.processes}")


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builder of sdss_star_galaxy."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First release."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        SimulatedConfig(
            name="simulated",
            description="A simulated sky with SDSS seeing, depth, number counts and colours.",
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        sdss = survey("SDSS", _BANDS)
        bands = len(_BANDS)
        vector = tfds.features.Tensor(shape=(bands,), dtype=np.float32)
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": Stamp(shape=(_SIZE, _SIZE, bands)),
                    "label": tfds.features.ClassLabel(names=list(CLASSES)),
                    "magnitude": vector,
                    "half_light_radius": np.float32,
                    "sersic_index": np.float32,
                    "ellipticity": np.float32,
                    "redshift": np.float32,
                    "seeing": vector,
                    "field": np.int32,
                    "psf_magnitude": vector,
                    "model_magnitude": vector,
                }
            ),
            supervised_keys=("image", "label"),
            metadata=tfds.core.MetadataDict(
                bands=list(_BANDS),
                pixel_scale=sdss.pixel_scale,
                units="nanomaggies",
                zeropoint=22.5,
                class_fractions=list(class_fractions(config.bright, config.faint)),
                seed=config.seed,
                fields=FIELDS,
                noise_sigma=[float(sigma) for sigma in median_noise(sdss)],
                survey="SDSS",
            ),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        del dl_manager  # Nothing is downloaded.
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        config = self.builder_config
        sky = Sky(survey("SDSS", _BANDS), _SIZE, config.bright, config.faint, config.seed)
        indices = [
            index
            for index in range(config.num_objects)
            if split_of(_identifier(config.seed, index)) == split
        ]
        for index, example in simulate_many(sky, indices, config.processes):
            identifier = _identifier(config.seed, index)
            yield identifier, {"id": identifier, **example}


def _identifier(seed: int, index: int) -> str:
    return f"sim-{seed}-{index:08d}"
