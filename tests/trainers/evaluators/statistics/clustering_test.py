import numpy as np
import tensorflow as tf
from sklearn.metrics import adjusted_rand_score

from trainers.evaluators.statistics.clustering import (
    KEYS,
    METHODS,
    cluster_labels,
    early_late_agreement,
    merged,
    project,
    purity,
    stability,
)


class ClusteringTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draws = np.random.default_rng(0)
        cls.truth = np.repeat([0, 1, 2], [200, 100, 60])
        centres = np.array([[0, 0, 0], [12, 0, 0], [0, 12, 12]])
        cls.points = centres[cls.truth] + draws.normal(size=(360, 3))
        cls.cloud = draws.normal(size=(360, 3))

    def test_methods_find_clear_clusters_again_and_again(self):
        for name, method in METHODS.items():
            groups = method(self.points, 3, 0)
            clear = groups >= 0
            self.assertGreater(clear.mean(), 0.8, name)
            self.assertEqual(adjusted_rand_score(self.truth[clear], groups[clear]), 1.0, name)
            self.assertGreater(stability(self.points, method, 3, 0), 0.75, name)

    def test_parts_of_one_cloud_are_not_stable(self):
        self.assertLess(stability(self.cloud, METHODS["k-means"], 5, 0), 0.7)

    def test_clusterings_without_a_cluster_are_not_compared(self):
        cloud = np.random.default_rng(0).normal(size=(60, 10))
        self.assertAllEqual(METHODS["HDBSCAN"](cloud, 3, 0), np.full(60, -1))
        self.assertIsNone(stability(cloud, METHODS["HDBSCAN"], 3, 0))

        def halves_by_the_first_seed(points, clusters, seed):
            return (points[:, 0] > 0).astype(int) if seed == 0 else np.full(len(points), -1)

        self.assertEqual(stability(cloud, halves_by_the_first_seed, 2, 0), 0.0)

    def test_labels_of_all_from_clusters_of_some(self):
        for key in KEYS:
            for most in (360, 150):
                labels = cluster_labels(self.points, key, 3, seed=0, most=most)
                clear = labels >= 0
                self.assertGreater(clear.mean(), 0.8, key)
                # Largest first, as the true ones are.
                self.assertAllEqual(labels[clear], self.truth[clear], msg=key)
        with self.assertRaisesRegex(ValueError, "at most the number of objects, 4; got 5"):
            cluster_labels(self.points[:4], "ward", 5, seed=0)

    def test_two_groups_of_clusters(self):
        points = np.repeat([0.0, 1.0, 10.0, 11.0], 5)[:, None]
        clusters = np.repeat([4, 2, 0, 7], 5)
        clusters[-1] = -1
        groups = merged(points, clusters)
        self.assertAllEqual(groups == groups[0], points[:, 0] < 5)
        self.assertAllEqual(merged(points, np.zeros(20, int)), np.zeros(20))

    def test_agreement_with_early_and_late(self):
        early = np.array([True, True, False, False, False])
        self.assertAllClose(early_late_agreement(early, np.array([1, 0, 0, 0, 0])), 0.8)
        self.assertAllClose(early_late_agreement(early, np.array([0, 0, 1, 1, 1])), 1.0)
        self.assertAllClose(early_late_agreement(early, np.zeros(5)), 0.6)

    def test_purity_by_hand(self):
        truth = np.array([0, 0, 0, 1, 1, 2])
        clusters = np.array([5, 5, 7, 7, 7, -1])
        self.assertAllClose(purity(truth, clusters), (2 + 2 + 1) / 6)
        self.assertAllClose(purity(truth, np.zeros(6, int)), 0.5)

    def test_projection_ignores_units(self):
        scaled = self.points * [1.0, 1e3, 1e-3]
        one, two = project(self.points, 0), project(scaled, 0)
        self.assertAllClose(np.abs(one), np.abs(two), rtol=1e-3, atol=1e-6)
        many = np.random.default_rng(1).normal(size=(50, 40))
        self.assertEqual(project(many, 0).shape, (50, 20))


if __name__ == "__main__":
    tf.test.main()
