import numpy as np
import tensorflow as tf
from sklearn import metrics

from trainers.evaluators.statistics.pixel_agreement import (
    ClassAgreement,
    PixelCounts,
    boundary_f1,
    connected_regions,
    rand_index,
    rand_index_of_sources,
)


class PixelAgreementTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(0)
        self.truth = draws.integers(0, 4, (6, 9, 8))
        self.assigned = np.where(draws.uniform(size=self.truth.shape) < 0.7, self.truth, 0)
        self.assigned[0] = draws.integers(0, 3, (9, 8))
        self.known = draws.uniform(size=self.truth.shape) < 0.9

    def test_counts_against_scikit_learn(self):
        counts = PixelCounts.of(self.truth > 0, self.assigned > 0, self.known)
        truth, assigned = (each[self.known] > 0 for each in (self.truth, self.assigned))
        self.assertAllClose(counts.iou, metrics.jaccard_score(truth, assigned))
        self.assertAllClose(counts.dice, metrics.f1_score(truth, assigned))
        _, alarms, misses, hits = metrics.confusion_matrix(truth, assigned).ravel()
        totals = (counts.hits.sum(), counts.false_alarms.sum(), counts.misses.sum())
        self.assertEqual(totals, (hits, alarms, misses))

    def test_interval_of_equal_images_has_no_width(self):
        same = np.repeat(self.truth[1:2] > 0, 5, axis=0)
        other = np.repeat(self.assigned[1:2] > 0, 5, axis=0)
        counts = PixelCounts.of(same, other, np.ones_like(same))
        interval = counts.iou_interval(np.random.default_rng(0))
        self.assertAllClose([interval.low, interval.high], [counts.iou] * 2)
        counts = PixelCounts.of(self.truth > 0, self.assigned > 0, self.known)
        interval = counts.iou_interval(np.random.default_rng(0))
        self.assertLess(interval.low, counts.iou)
        self.assertGreater(interval.high, counts.iou)

    def test_nothing_to_find(self):
        none = np.zeros((2, 4, 4), bool)
        self.assertTrue(np.isnan(PixelCounts.of(none, none, ~none).iou))
        self.assertEqual(PixelCounts.of(none, ~none, ~none).iou, 0)
        self.assertTrue(np.isnan(rand_index_of_sources(none.astype(int), none, ~none)))

    def test_rand_indices_against_scikit_learn(self):
        expected = metrics.adjusted_rand_score(self.truth[self.known], self.assigned[self.known])
        self.assertAllClose(rand_index(self.truth, self.assigned, self.known), expected)
        one_source = self.truth.copy()
        one_source[2:] = one_source[2:] > 0  # Has nothing to separate.
        expected = []
        for image in range(2):
            inside = self.known[image] & (self.truth[image] > 0)
            pair = self.truth[image][inside], self.assigned[image][inside]
            expected.append(metrics.adjusted_rand_score(*pair))
        index = rand_index_of_sources(one_source, self.assigned, self.known)
        self.assertAllClose(index, np.mean(expected))

    def test_regions_connect_over_corners_and_not_over_images(self):
        foreground = np.zeros((2, 4, 5), bool)
        foreground[0, [0, 1, 3], [0, 1, 4]] = True
        foreground[1] = True
        regions = connected_regions(foreground)
        self.assertEqual(regions[0, 0, 0], regions[0, 1, 1])
        self.assertNotEqual(regions[0, 0, 0], regions[0, 3, 4])
        self.assertAllEqual(regions > 0, foreground)
        self.assertAllEqual(regions[1], np.ones((4, 5)))

    def test_classes_agree_as_scikit_learn_says(self):
        draws = np.random.default_rng(0)
        truth, assigned = draws.integers(0, 4, (2, 3, 8, 9))
        assigned = np.where(assigned == 3, truth, assigned)  # The last class is right throughout.
        known = draws.uniform(size=truth.shape) < 0.8
        agreement = ClassAgreement.of(truth, assigned, known, 5)
        pair = truth[known], assigned[known]
        self.assertAllEqual(agreement.matrix, metrics.confusion_matrix(*pair, labels=np.arange(5)))
        scores = {"average": None, "labels": np.arange(4)}
        self.assertAllClose(agreement.iou[:4], metrics.jaccard_score(*pair, **scores))
        self.assertAllClose(agreement.dice[:4], metrics.f1_score(*pair, **scores))
        self.assertAllClose(agreement.recall[:4], metrics.recall_score(*pair, **scores))
        self.assertAllClose(agreement.accuracy, metrics.accuracy_score(*pair))
        for values in (agreement.iou, agreement.dice, agreement.recall):
            self.assertTrue(np.isnan(values[4]))

    def test_outlines_of_shifted_squares(self):
        truth, assigned = np.zeros((2, 1, 30, 30), bool)
        truth[0, 5:15, 5:15] = True
        known = np.ones_like(truth)
        self.assertEqual(boundary_f1(truth, truth, known), 1.0)
        assigned[0, 5:15, 8:18] = True
        # Of 36 pixels, all of the upper and lower sides but the last column are within 2 px
        # of the other, and of the side that is within the other none but its ends.
        brute = []
        outlines = [np.argwhere(each[0] & ~_eroded(each[0])) for each in (truth, assigned)]
        for one, other in (outlines, outlines[::-1]):
            distance = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1)).min(axis=1)
            brute.append(np.mean(distance <= 2))
        expected = 2 * brute[0] * brute[1] / sum(brute)
        self.assertAllClose(boundary_f1(truth, assigned, known), expected)
        self.assertBetween(expected, 0.5, 0.9)
        self.assertEqual(boundary_f1(truth, ~known, known), 0.0)
        self.assertTrue(np.isnan(boundary_f1(~known, ~known, known)))


def _eroded(square):
    inner = square[1:-1, 1:-1] & square[:-2, 1:-1] & square[2:, 1:-1]
    inner &= square[1:-1, :-2] & square[1:-1, 2:]
    return np.pad(inner, 1)


if __name__ == "__main__":
    tf.test.main()
