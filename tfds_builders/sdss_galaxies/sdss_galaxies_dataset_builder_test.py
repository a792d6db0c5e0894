"""The configurations through TFDS's own test case, what is stored and what is refused."""

import tempfile
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders.sdss_galaxies.configs import SimulatedConfig
from tfds_builders.sdss_galaxies.sdss_galaxies_dataset_builder import Builder


class GalaxiesTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = {"train": 3, "validation": 1, "test": 2}  # noqa: RUF012
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        SimulatedConfig(name="few", num_train=3, num_validation=1, num_test=2, processes=1),
    ]


class StoredTest(tf.test.TestCase):
    def test_tfds_reads_it_without_this_project(self):
        config = SimulatedConfig(
            name="x", num_train=1, num_validation=1, num_test=1, processes=1, depth="deep"
        )
        builder = tfds_builders.builder("sdss_galaxies", config=config, data_dir=tempfile.mkdtemp())
        builder.download_and_prepare()
        folder = Path(builder.data_dir)
        self.assertNotIn("tfds_builders", (folder / "features.json").read_text())
        builder = tfds.builder_from_directory(str(folder))
        self.assertEqual(builder.info.metadata["wavelength"]["number"], 1000)
        example = next(iter(builder.as_dataset(split="test").as_numpy_iterator()))
        self.assertEqual(example["image"].shape, (64, 64, 5))
        self.assertEqual(example["spectrum"].shape, (1000,))
        self.assertLess(example["true_redshift"], 0.8)


class OptionsTest(tf.test.TestCase):
    def test_options(self):
        for options, message in (
            ({"num_test": 0}, "num_test must be at least 1; got 0"),
            ({"seed": -1}, "seed must be at least 0; got -1"),
            ({"depth": "dep"}, "unknown depth 'dep': choose from main, deep; did you mean 'deep'"),
            ({"processes": 0}, "processes must be at least 1; got 0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                SimulatedConfig(name="x", **options)


if __name__ == "__main__":
    tfds.testing.test_main()
