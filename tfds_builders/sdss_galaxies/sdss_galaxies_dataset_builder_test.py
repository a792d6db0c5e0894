"""The configurations through TFDS's own test case, what is stored and what is refused."""

import tempfile
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders.sdss_galaxies.configs import ObservedConfig, SimulatedConfig
from tfds_builders.sdss_galaxies.observed_test import write_spectrum
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
        # Sixteen fields, about the median seeing of the survey.
        self.assertAllInRange(example["seeing"], 1.0, 2.0)

    def test_observed_spectra(self):
        manual = Path(tempfile.mkdtemp())
        names = [f"spec-{number:04d}" for number in range(12)]
        for name in names:
            write_spectrum(manual, name)
        write_spectrum(manual, "star", kind="STAR")
        config = ObservedConfig(name="x", on_error="skip", processes=1)
        builder = tfds_builders.builder("sdss_galaxies", config=config, data_dir=tempfile.mkdtemp())
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=str(manual))
        )
        self.assertEqual(sum(split.num_examples for split in builder.info.splits.values()), 12)
        (line,) = builder.info.metadata["left_out"]
        self.assertEndsWith(line, "star.fits: star: class must be GALAXY; got 'STAR'")
        example = next(iter(builder.as_dataset(split="test").as_numpy_iterator()))
        self.assertEqual(example["class"], b"GALAXY")
        self.assertEqual(example["inverse_variance"].shape, (1000,))


class OptionsTest(tf.test.TestCase):
    def test_options(self):
        for options, message in (
            ({"num_test": 0}, "num_test must be at least 1; got 0"),
            ({"seed": -1}, "seed must be at least 0; got -1"),
            ({"depth": "dep"}, "depth must be one of main, deep; got 'dep'; did you mean 'deep'"),
            ({"processes": 0}, "processes must be at least 1; got 0"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                SimulatedConfig(name="x", **options)

        with self.assertRaisesRegex(ValueError, "on_error must be one of raise, skip; got 'x'"):
            ObservedConfig(name="x", on_error="x")


if __name__ == "__main__":
    tfds.testing.test_main()
