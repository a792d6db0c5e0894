import numpy as np
import tensorflow as tf
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn import metrics
from sklearn.decomposition import PCA

from trainers.evaluators.statistics.anomaly_scores import SCORES, principal_components


class AnomalyScoresTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draws = np.random.default_rng(0)
        mixing = draws.normal(size=(4, 4))
        cls.sample = draws.normal(size=(600, 4)) @ mixing
        cls.points = draws.normal(size=(50, 4)) @ mixing
        cls.far = 6 * draws.normal(size=(50, 4)) @ mixing

    def test_every_score_finds_what_is_far(self):
        for name, learn in SCORES.items():
            score = learn(self.sample, 0)
            near, far = score(self.points), score(self.far)
            self.assertEqual(near.shape, (50,))
            truth = np.repeat([0, 1], 50)
            area = metrics.roc_auc_score(truth, np.concatenate([near, far]))
            self.assertGreater(area, 0.9, name)
            again = learn(self.sample, 0)(self.points)
            self.assertAllEqual(near, again)

    def test_mahalanobis_of_a_normal_distribution(self):
        distance = SCORES["Mahalanobis"](self.sample, 0)(self.points)
        self.assertGreater(stats.kstest(distance**2, stats.chi2(4).cdf).pvalue, 1e-3)

    def test_neighbours_are_those_of_scipy_without_the_object_itself(self):
        score = SCORES["nearest neighbours"](self.sample, 0)
        stddev = self.sample.std(axis=0)
        distances = np.sort(cdist(self.points / stddev, self.sample / stddev), axis=1)
        self.assertAllClose(score(self.points), distances[:, :10].mean(axis=1), rtol=1e-6)
        own = np.sort(cdist(self.sample / stddev, self.sample / stddev), axis=1)
        self.assertAllClose(score(self.sample), own[:, 1:11].mean(axis=1), rtol=1e-6)

    def test_principal_components_are_those_of_scikit_learn(self):
        draws = np.random.default_rng(1)
        images = np.tensordot(
            draws.normal(size=(40, 3)) * [9, 5, 2], draws.normal(size=(3, 8, 8, 2)), 1
        ).astype(np.float32)
        vectors = np.arcsinh(images / images.std(axis=(0, 1, 2))).reshape(40, -1)
        expected = PCA(3, svd_solver="full").fit_transform(vectors)
        components = principal_components(images, 3, 0)(images)
        self.assertAllClose(np.abs(components), np.abs(expected), atol=0.05)
        large = np.repeat(np.repeat(images, 16, axis=1), 16, axis=2)
        self.assertEqual(principal_components(large, 3, 0)(large).shape, (40, 3))


if __name__ == "__main__":
    tf.test.main()
