import numpy as np
import tensorflow as tf
from scipy import stats
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import MinCovDet

from trainers.evaluators.outliers import combined_score, robust_distances


class OutliersTest(tf.test.TestCase):
    def test_distances_equal_scipy(self):
        generator = np.random.default_rng(0)
        reference = generator.normal(size=(200, 3)) @ np.diag([1, 5, 0.2])
        points = generator.normal(size=(10, 3))
        zeros = np.zeros(200, int)
        distances = robust_distances(points, zeros[:10], reference, zeros)
        robust = MinCovDet(random_state=0).fit(reference)
        inverse = np.linalg.inv(robust.covariance_)
        expected = [mahalanobis(point, robust.location_, inverse) for point in points]
        self.assertAllClose(distances, expected, rtol=1e-6)

    def test_contamination_does_not_hide_itself(self):
        generator = np.random.default_rng(1)
        points = np.concatenate(
            [generator.normal(size=(400, 2)), generator.normal(30, 1, size=(40, 2))]
        )
        zeros = np.zeros(len(points), int)
        distance = robust_distances(points, zeros, points, zeros)
        self.assertGreater(distance[400:].min(), distance[:400].max())
        # d^2 of the clean ones is chi2 with two degrees of freedom; the 40 % quantile of 400
        # scatters by 0.03 about its value.
        expected = np.sqrt(stats.chi2(2).median())
        self.assertNear(np.median(distance[:400]), expected, 0.2)

    def test_each_group_has_its_own_centre_and_small_groups_borrow(self):
        generator = np.random.default_rng(2)
        groups = np.repeat([0, 1], 100)
        points = generator.normal(size=(200, 2)) + 50 * groups[:, None]
        self.assertLess(robust_distances(points, groups, points, groups).max(), 10)
        lone = np.concatenate([np.zeros(199, int), [1]])
        self.assertTrue(np.isfinite(robust_distances(points, lone, points, lone)).all())

    def test_combined_score(self):
        first, second = np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 1, 2])
        expected = -np.log10([1, 0.75, 0.5, 0.25]) - np.log10([0.25, 0.5, 1, 0.75])
        self.assertAllClose(combined_score(first, second), expected)
        self.assertAllClose(combined_score(np.ones(5)), np.zeros(5))
