import numpy as np
import tensorflow as tf
from scipy import stats
from sklearn import metrics

from trainers.evaluators.statistics import ranking


class RankingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.generator = np.random.default_rng(7)

    def _sample(self, number=300, ties=False):
        positive = self.generator.random(number) < 0.4
        score = self.generator.normal(size=number) + positive
        return positive, np.round(score, 1) if ties else score

    def test_weighted_auc_equals_scikit_learn(self):
        for ties in (False, True):
            positive, score = self._sample(ties=ties)
            counts = ranking.resample_counts(positive.astype(int), self.generator, 120)
            expected = [
                metrics.roc_auc_score(positive, score, sample_weight=drawn) for drawn in counts
            ]
            self.assertAllClose(ranking.weighted_auc(positive, score, counts), expected, atol=1e-12)

    def test_resamples_keep_the_size_of_each_class(self):
        labels = self.generator.integers(3, size=200)
        counts = ranking.resample_counts(labels, self.generator, 50)
        for value in range(3):
            members = labels == value
            self.assertAllEqual(counts[:, members].sum(axis=1), np.full(50, members.sum()))
        # Draws with replacement leave out (1 - 1/n)^n of the objects, which tends to 1/e.
        self.assertNear((counts == 0).mean(), np.exp(-1), 0.03)

    def test_perfect_inverted_and_constant_scores(self):
        positive = np.arange(60) % 2 == 0
        counts = ranking.resample_counts(positive.astype(int), self.generator, 100)
        for score, expected in ((positive, 1.0), (~positive, 0.0), (np.zeros(60), 0.5)):
            area = ranking.auc(positive, score.astype(float), counts)
            self.assertAllEqual([area.value, area.low, area.high], [expected] * 3)

    def test_interval_covers_the_binormal_auc(self):
        # Scores N(0, 1) and N(d, 1) have AUC = Phi(d / sqrt 2). Of 300 intervals of 95 % a right
        # method misses 15; fewer than 30 misses fail with a probability below 2e-4.
        shift, misses, trials = 1.2, 0, 300
        truth = stats.norm.cdf(shift / np.sqrt(2))
        positive = np.repeat([False, True], 100)
        for _ in range(trials):
            score = self.generator.normal(size=200) + shift * positive
            counts = ranking.resample_counts(positive.astype(int), self.generator, 300)
            area = ranking.auc(positive, score, counts)
            misses += not area.low <= truth <= area.high
        self.assertLess(misses, 30)
        self.assertGreater(misses, 3)

    def test_band_contains_the_curve_and_is_exact_without_spread(self):
        positive, score = self._sample(400)
        counts = ranking.resample_counts(positive.astype(int), self.generator, 200)
        grid = np.linspace(0, 1, 21)
        low, high = ranking.roc_band(positive, score, counts, grid)
        false_rate, true_rate, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
        curve = np.interp(grid, false_rate, true_rate)
        self.assertTrue((low <= curve + 0.02).all() and (curve - 0.02 <= high).all())
        once = np.ones((2, len(score)), int)
        low, high = ranking.roc_band(positive, score, once, grid[1:])
        self.assertAllClose(low, high)
        self.assertAllClose(low, curve[1:], atol=1e-12)
