"""Both configurations through TFDS's own test case, what is stored and what is refused."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

import tfds_builders
from tfds_builders.galaxy_scenes.configs import FieldsConfig, StampsConfig
from tfds_builders.galaxy_scenes.galaxy_scenes_dataset_builder import Builder

SIZES = {"num_train": 3, "num_validation": 1, "num_test": 2, "processes": 1}


class ScenesTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    SPLITS = {"train": 3, "validation": 1, "test": 2}  # noqa: RUF012
    BUILDER_CONFIG_NAMES_TO_TEST = [  # noqa: RUF012
        FieldsConfig(
            name="few_fields", size=48, survey="lsst", max_sources=8, defect_fraction=0.5, **SIZES
        ),
        StampsConfig(name="few_stamps", size=32, shear=0.02, **SIZES),
    ]


class StoredTest(tf.test.TestCase):
    def test_bytes_do_not_depend_on_the_number_of_processes(self):
        # More than one file, so that there is work for two.
        numbers = {"num_train": 102, "num_validation": 1, "num_test": 1}
        files = []
        for processes in (1, 2):
            config = FieldsConfig(
                name="x", size=32, survey="decals", max_sources=6, processes=processes, **numbers
            )
            builder = tfds_builders.builder(
                "galaxy_scenes", config=config, data_dir=tempfile.mkdtemp()
            )
            builder.download_and_prepare()
            folder = Path(builder.data_dir)
            files.append({path.name: path.read_bytes() for path in folder.glob("*.tfrecord*")})
        self.assertLen(files[0], 4)
        self.assertEqual(files[0], files[1])
        self._check_that_tfds_reads_it(folder)

    def _check_that_tfds_reads_it(self, folder):
        self.assertNotIn("tfds_builders", (folder / "features.json").read_text())
        builder = tfds.builder_from_directory(str(folder))
        self.assertEqual(builder.info.metadata["bands"], ["g", "r", "z"])
        example = next(iter(builder.as_dataset(split="test").as_numpy_iterator()))
        number = example["num_sources"]
        self.assertEqual(np.count_nonzero(example["class"] >= 0), number)
        self.assertAllEqual(
            np.unique(example["segmentation"]) <= number,
            [True] * len(np.unique(example["segmentation"])),
        )
        self.assertEqual(example["image"].shape, (32, 32, 3))


class OptionsTest(tf.test.TestCase):
    def test_fields(self):
        for options, message in (
            ({"num_test": 0}, "num_test must be at least 1; got 0"),
            ({"seed": -1}, "seed must be at least 0; got -1"),
            ({"survey": "lst"}, "survey must be one of .*; got 'lst'; did you mean 'lsst'"),
            ({"size": 8}, "size must be between 16 and 1024; got 8"),
            ({"bright": 12.0}, "bright must be between 16 and 28; got 12.0"),
            ({"bright": "x"}, "bright must be between 16 and 28; got x"),
            ({"faint": 18.0}, r"faint must be above bright \(19.0\) and at most 29; got 18.0"),
            ({"faint": "deep"}, "faint must be above bright .* got deep"),
            ({"stars": -1.0}, "stars must be between 0 and 1000; got -1.0"),
            ({"defect_fraction": 2.0}, "defect_fraction must be between 0 and 1; got 2.0"),
            ({"isophote": 0.0}, "isophote must be above 0 and at most 100; got 0.0"),
            ({"galaxies": "cosmo"}, "galaxies must be one of simulated, cosmos; got 'cosmo'"),
            ({"processes": 0}, "processes must be at least 1; got 0"),
            ({"crowding": -0.1}, "crowding must be between 0 and 100; got -0.1"),
            ({"clustering": 1.0}, "clustering must be at least 0 and below 1; got 1.0"),
            ({"max_sources": 0}, "max_sources must be between 1 and 2000; got 0"),
            ({"cutout_size": 200}, r"cutout_size must be between 8 and size \(128\); got 200"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                FieldsConfig(name="x", **options)

    def test_stamps(self):
        for options, message in (
            ({"max_neighbours": 21}, "max_neighbours must be between 0 and 20; got 21"),
            ({"min_separation": 5.0}, "min_separation and max_separation .* got 5.0 and 4.0"),
            ({"centre_scatter": -1.0}, "centre_scatter must be between 0 and 5; got -1.0"),
            ({"shear": 0.3}, "shear must be between 0 and 0.2; got 0.3"),
        ):
            with self.subTest(**options), self.assertRaisesRegex(ValueError, message):
                StampsConfig(name="x", **options)

    def test_cosmos_sample_is_missing(self):
        config = StampsConfig(name="x", galaxies="cosmos", **SIZES)
        builder = tfds_builders.builder("galaxy_scenes", config=config, data_dir=tempfile.mkdtemp())
        with self.assertRaises(FileNotFoundError) as caught:
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(manual_dir=tempfile.mkdtemp())
            )
        message = "manual_dir must be a folder with a COSMOS sample for galaxy_scenes/x; there is"
        self.assertStartsWith(str(caught.exception), message)

    def test_by_name(self):
        builder = tfds_builders.builder(
            "galaxy_scenes", config="stamps", options={"survey": "lsst", "max_neighbours": 1}
        )
        self.assertEqual(builder.builder_config.limits, (20.0, 25.0))
        self.assertEqual(builder.info.features["isolated"].shape, (2, 64, 64, 6))


if __name__ == "__main__":
    tfds.testing.test_main()
