from unittest import mock

import numpy as np
import tensorflow as tf

from trainers.blends import sep_baseline
from trainers.blends.sep_baseline import BLENDED, FAILURE, ISOLATED

NONE = (np.nan, np.nan)
CENTRE = np.array([[32.0, 32.0]])


def stamp(*sources, noise=1.0, size=65):
    """Round Gaussians (x and y from the centre in pixels, flux, sigma in pixels) in noise."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    image = np.random.default_rng(0).normal(0, noise, (size, size))
    for dx, dy, flux, width in sources:
        radius2 = (x - dx) ** 2 + (y - dy) ** 2
        image += flux / (2 * np.pi * width**2) * np.exp(-0.5 * radius2 / width**2)
    return image.astype(np.float32)


class SepOnStampsTest(tf.test.TestCase):
    def assert_label(self, image, offsets, expected, detections):
        outcome = sep_baseline.run(image[None], np.array(offsets, float)[None])
        self.assertAllEqual(outcome.detections, [detections])
        self.assertAllEqual(outcome.labels, [expected])

    def test_one_galaxy_is_isolated(self):
        self.assert_label(stamp((0, 0, 2000, 2)), NONE, ISOLATED, 1)

    def test_two_far_galaxies_are_a_blend(self):
        self.assert_label(stamp((0, 0, 2000, 2), (20, -11, 1500, 2)), (20, -11), BLENDED, 2)

    def test_two_overlapping_galaxies_are_deblended(self):
        self.assert_label(stamp((0, 0, 4000, 2), (7, 0, 3000, 2)), (7, 0), BLENDED, 2)

    def test_two_galaxies_too_close_to_be_told_apart_are_missed(self):
        self.assert_label(stamp((0, 0, 4000, 2), (2, 1, 3000, 2)), (2, 1), ISOLATED, 1)

    def test_a_source_where_none_is_expected_does_not_make_a_blend(self):
        image = stamp((0, 0, 2000, 2), (20, -11, 1500, 2))
        self.assert_label(image, NONE, ISOLATED, 2)
        self.assert_label(image, (-20, 11), ISOLATED, 2)
        # x runs along the rows of the array.
        self.assert_label(image, (-11, 20), ISOLATED, 2)

    def test_bright_satellites_make_a_failure_unless_all_galaxies_are_found(self):
        satellites = [(15, 0, 1500, 2), (-15, 0, 1500, 2), (0, 15, 1500, 2)]
        image = stamp((0, 0, 3000, 2), *satellites)
        self.assert_label(image, (0, 15), BLENDED, 4)
        self.assert_label(image, (0, -15), FAILURE, 4)
        self.assert_label(stamp(*satellites), NONE, FAILURE, 3)

    def test_three_galaxies(self):
        image = stamp((0, 0, 3000, 2), (15, 0, 1500, 2), (-15, 4, 1500, 2))
        self.assert_label(image, [(15, 0), (-15, 4)], BLENDED, 3)
        self.assert_label(image, [(15, 0), (-15, -4)], ISOLATED, 3)

    def test_nothing_but_noise_is_a_failure(self):
        self.assert_label(stamp(), NONE, FAILURE, 0)

    def test_failures_are_counted_by_kind(self):
        crowded = stamp((15, 0, 1500, 2), (-15, 0, 1500, 2), (0, 15, 1500, 2))
        stamps = np.stack([stamp(), crowded, stamp((0, 0, 2000, 2)), stamp((0, 0, 2001, 2))])
        extract = sep_baseline.sep.extract
        calls = []

        def sometimes(image, *arguments, **settings):
            calls.append(image)
            if len(calls) == 4:
                raise Exception("object deblending overflow: limit of 1024 sub-objects reached")
            return extract(image, *arguments, **settings)

        with mock.patch.object(sep_baseline.sep, "extract", sometimes):
            outcome = sep_baseline.run(stamps, np.full((4, 2), np.nan))
        self.assertAllEqual(outcome.labels, [FAILURE, FAILURE, ISOLATED, FAILURE])
        self.assertEqual(outcome.failures, {"nothing found": 1, "too many found": 1, "gave up": 1})

    def test_any_number_of_processes_gives_the_same(self):
        random = np.random.default_rng(1)
        offsets = random.integers(-25, 25, (1100, 2)).astype(float)
        offsets[::2] = np.nan
        sources = np.nan_to_num(offsets)
        images = np.stack([stamp((0, 0, 900, 2), (x, y, 700, 2), size=51) for x, y in sources])
        one = sep_baseline.classify(images, offsets, processes=1)
        self.assertAllEqual(sep_baseline.classify(images, offsets, processes=2), one)
        self.assertGreater(np.mean(one[1::2] == BLENDED), 0.7)
        self.assertGreater(np.mean(one[::2] == ISOLATED), 0.9)

    def test_no_stamps(self):
        self.assertEqual(sep_baseline.classify(np.zeros((0, 9, 9)), np.zeros((0, 2))).shape, (0,))

    def test_shapes_are_checked(self):
        with self.assertRaisesRegex(ValueError, r"stamps must be .* got shape \(2, 9, 9, 1\)"):
            sep_baseline.run(np.zeros((2, 9, 9, 1)), np.zeros((2, 2)))
        with self.assertRaisesRegex(ValueError, r"offsets must be \(2, 2\) .* got shape \(3, 2\)"):
            sep_baseline.run(np.zeros((2, 9, 9)), np.zeros((3, 2)))


class RulesTest(tf.test.TestCase):
    def assert_label(self, detected, merged, true, expected):
        outcome = sep_baseline.label(np.array(detected, float), np.array(merged), np.array(true))
        self.assertEqual(outcome, expected)

    def test_a_single_detection_is_a_blend_if_flagged_and_in_place(self):
        pair = [[32, 32], [40, 32]]
        self.assert_label([[32.5, 32]], [True], pair, BLENDED)
        self.assert_label([[40, 33]], [True], pair, BLENDED)
        self.assert_label([[32.5, 32]], [False], pair, ISOLATED)
        self.assert_label([[36, 32]], [True], pair, ISOLATED)
        # A false alarm, and the only one that the rules have for fewer than three detections.
        self.assert_label([[32.5, 32]], [True], CENTRE, BLENDED)

    def test_each_detection_and_each_position_counts_once(self):
        self.assert_label([[32, 32], [32.5, 33]], [True, True], [[32, 32], [45, 32]], ISOLATED)
        # Both detections are nearest to the first position.
        self.assert_label([[33, 32], [32.4, 32]], [True, True], [[32, 32], [34.5, 32]], BLENDED)

    def test_two_pixels_are_near_enough(self):
        self.assert_label([[34, 32], [50, 50]], [True, True], [[32, 32], [50, 50]], BLENDED)
        self.assert_label([[34.01, 32], [50, 50]], [True, True], [[32, 32], [50, 50]], ISOLATED)

    def test_more_than_two_detections(self):
        three = [[32, 32], [40, 32], [10, 10]]
        merged = [False] * 3
        self.assert_label(three, merged, [[32, 32], [40, 32]], BLENDED)
        self.assert_label(three, merged, [[32, 32], [40, 50]], FAILURE)
        self.assert_label(three, merged, CENTRE, BLENDED)
        self.assert_label(three, merged, [[20, 20]], FAILURE)
