"""Splits by hash, the survey table and stamps."""

import numpy as np
import surveycodex
import tensorflow as tf
import tensorflow_datasets as tfds

from tfds_builders.compression import compress
from tfds_builders.features import Stamp
from tfds_builders.splits import group_by_split, split_of
from tfds_builders.surveys import survey

KNOWN = [
    "train",
    "train",
    "test",
    "train",
    "train",
    "train",
    "train",
    "train",
]


class SplitsTest(tf.test.TestCase):
    def test_shares(self):
        groups = group_by_split(str(number) for number in range(20_000))
        shares = [len(groups[split]) / 20_000 for split in ("train", "validation", "test")]
        # Binomial, four sigma.
        self.assertAllClose(shares, [0.7, 0.1, 0.2], atol=0.013)

    def test_a_split_never_changes(self):
        # Written down once: another function would move objects from train to test.
        splits = [split_of(f"sim-0-{index:08d}") for index in range(8)]
        self.assertEqual(splits, KNOWN)
        few, many = (group_by_split(map(str, range(number))) for number in (100, 1000))
        for split, members in few.items():
            self.assertContainsSubset(members, many[split])

    def test_empty_split(self):
        with self.assertRaisesRegex(ValueError, "1 objects are too few: none falls into"):
            group_by_split(["a"])


class SurveyTest(tf.test.TestCase):
    def test_values_are_those_of_surveycodex(self):
        sdss = survey("SDSS", ("r", "u"))
        self.assertEqual(sdss.bands, ("r", "u"))
        self.assertEqual(sdss.pixel_scale, 0.396)
        r = surveycodex.get_survey("SDSS").get_filter("r")
        # A star of magnitude 22.5 is one nanomaggy.
        expected = 10 ** (0.4 * (r.zeropoint.value - 22.5)) * r.full_exposure_time.value
        self.assertAllClose(sdss.electrons_per_nanomaggy[0], expected)

    def test_unknown_names(self):
        with self.assertRaisesRegex(ValueError, "unknown survey 'SDS'.*did you mean 'SDSS'"):
            survey("SDS")
        with self.assertRaisesRegex(ValueError, "bands of SDSS must be among u, g, r, i, z; got y"):
            survey("SDSS", ("g", "y"))


class StampTest(tf.test.TestCase):
    def test_what_goes_in_comes_out(self):
        feature = Stamp(shape=(8, 6, 5))
        image = np.random.default_rng(0).normal(size=(8, 6, 5)).astype(np.float32)
        for encoded in (image, compress(image)):
            self.assertAllEqual(feature.decode_example(feature.encode_example(encoded)), image)
        with self.assertRaisesRegex(ValueError, r"shape \(8, 6, 5\); got float64"):
            feature.encode_example(image.astype(float))

    def test_stored_features_need_tfds_alone(self):
        stored = Stamp(shape=(8, 6, 5)).to_json()
        self.assertNotIn("tfds_builders", str(stored))
        feature = tfds.features.FeatureConnector.from_json(stored)
        self.assertIs(type(feature), tfds.features.Tensor)
        image = np.random.default_rng(0).normal(size=(8, 6, 5)).astype(np.float32)
        self.assertAllEqual(feature.decode_example(compress(image)), image)


if __name__ == "__main__":
    tf.test.main()
