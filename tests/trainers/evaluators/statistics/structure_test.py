import numpy as np
import tensorflow as tf
from scipy import stats

from trainers.evaluators.statistics.structure import sample_of_clusters, variance_between


class StructureTest(tf.test.TestCase):
    def test_variance_between_against_the_f_ratio(self):
        draws = np.random.default_rng(0)
        groups = draws.choice([-1, 3, 7], 90)
        for shift in (0.0, 0.5, 5.0):
            values = draws.normal(size=90) + shift * groups
            ratio = stats.f_oneway(*(values[groups == group] for group in (-1, 3, 7))).statistic
            expected = 2 * (ratio - 1) / (2 * ratio + 87)
            self.assertAllClose(variance_between(values, groups), expected)

    def test_variance_between_where_there_is_none(self):
        self.assertEqual(variance_between(np.array([1.0, 1, 4, 4]), np.array([0, 0, 1, 1])), 1.0)
        for values in ([], [1.0, 2.0], [3.0, 3.0, 3.0]):
            self.assertTrue(
                np.isnan(variance_between(np.array(values), np.arange(len(values)) % 2))
            )

    def test_a_sample_has_objects_of_each_cluster(self):
        groups = np.repeat([2, -1, 5], [50, 3, 20])
        sample = sample_of_clusters(groups, 10, np.random.default_rng(0))
        self.assertAllEqual(sample, np.unique(sample))
        self.assertAllEqual(np.unique(groups[sample], return_counts=True)[1], [3, 10, 10])
        self.assertGreater(np.ptp(sample[:10]), 10)


if __name__ == "__main__":
    tf.test.main()
