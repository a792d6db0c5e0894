"""A small dataset for the tests of what reads datasets."""

import contextlib
import io
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_builders
from trainers.datasets import loading

SHAPE = (4, 4, 2)
NAMES = ("star", "galaxy")
NUMBERS = {"train": 50, "validation": 10, "test": 20}


class DotsConfig(tfds.core.BuilderConfig):
    """Builder options: images with bad pixels, their type, and the classes."""

    def __init__(self, *, bad=False, dtype=np.float32, class_names=NAMES, **kwargs):
        super().__init__(**kwargs)
        self.bad = bad
        self.dtype = dtype
        self.class_names = class_names


class Dots(tfds.core.GeneratorBasedBuilder):
    """Images whose every pixel is the number of the object."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [
        DotsConfig(name="good"),
        DotsConfig(name="bad", bad=True),
        DotsConfig(name="eight_bit", dtype=np.uint8, class_names=(*NAMES, "quasar")),
        DotsConfig(name="unlabelled", class_names=()),
        DotsConfig(name="three", class_names=(*NAMES, "quasar")),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = "None."

    def _info(self):
        features = {
            "id": tfds.features.Text(),
            "image": tfds.features.Tensor(shape=SHAPE, dtype=self.builder_config.dtype),
            "magnitude": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            "redshift": np.float32,
        }
        metadata = {"bands": ["g", "r"], "pixel_scale": 0.4, "units": "nanomaggies"}
        names = self.builder_config.class_names
        if names:
            features["label"] = tfds.features.ClassLabel(names=names)
        if names == NAMES:
            metadata["class_fractions"] = [0.25, 0.75]
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            metadata=tfds.core.MetadataDict(metadata),
        )

    def _split_generators(self, dl_manager):
        starts = {"train": 0, "validation": 1000, "test": 2000}
        return {s: self._generate_examples(starts[s], number) for s, number in NUMBERS.items()}

    def _generate_examples(self, start, number):
        for index in range(start, start + number):
            dtype = self.builder_config.dtype
            image = np.full(SHAPE, index % 256 if dtype == np.uint8 else index, dtype)
            if self.builder_config.bad and index in (7, 31, 2003):
                image[1, 2] = (np.nan, np.inf)
            example = {
                "id": f"dot-{index}",
                "image": image,
                "magnitude": np.array([index, -index], np.float32),
                "redshift": index / 100,
            }
            names = self.builder_config.class_names
            if names:
                example["label"] = index % len(names)
            yield f"dot-{index}", example


class DotsCase(tf.test.TestCase):
    """Loads the dataset as `dots/<config>`, into a folder of the class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    @classmethod
    def load(cls, config="good", **options):
        def builder(name, *, config, data_dir, **further):
            if name != "dots":
                return original(name, config=config, data_dir=data_dir, **further)
            return Dots(config=config, data_dir=str(data_dir))

        original = tfds_builders.builder
        with (
            mock.patch.object(tfds_builders, "builder", builder),
            contextlib.redirect_stdout(io.StringIO()) as shown,
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            dataset = loading.load(f"dots/{config}", data_dir=cls.folder, **options)
        cls.shown, cls.errors = shown.getvalue(), errors.getvalue()
        return dataset
