"""Simulated blobs of two fluxes on noise."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import tensorflow_datasets as tfds

_SHAPE = (8, 8, 2)


@dataclasses.dataclass
class BlobsConfig(tfds.core.BuilderConfig):
    """Blobs without any files.

    Attributes:
        num_train: Number of training images; half as many for validation and for the test.
    """

    num_train: int = 192


class Builder(tfds.core.GeneratorBasedBuilder):
    """Builder of two_blobs."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar[list[BlobsConfig]] = [BlobsConfig(name="simulated")]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="Simulated blobs of two fluxes on noise.",
            features=tfds.features.FeaturesDict(
                {
                    "id": tfds.features.Text(),
                    "image": tfds.features.Tensor(shape=_SHAPE, dtype=np.float32),
                    "label": tfds.features.ClassLabel(names=["faint", "bright"]),
                }
            ),
            supervised_keys=("image", "label"),
            metadata=tfds.core.MetadataDict(bands=["g", "r"], units="counts", pixel_scale=0.2),
        )

    def _split_generators(self, dl_manager):
        number = self.builder_config.num_train
        return {
            "train": self._generate_examples("train", number),
            "validation": self._generate_examples("validation", number // 2),
            "test": self._generate_examples("test", number // 2),
        }

    def _generate_examples(self, split, number):
        random = np.random.default_rng([*split.encode()])
        y, x = np.mgrid[:8, :8] - 3.5
        profile = np.exp(-0.5 * (x**2 + y**2) / 1.5**2)[..., None]
        for index in range(number):
            label = index % 2
            image = (2.0 + 8.0 * label) * profile + random.standard_normal(_SHAPE)
            yield (
                index,
                {"id": f"{split}-{index}", "image": image.astype(np.float32), "label": label},
            )
