import numpy as np
import tensorflow as tf
from scipy import stats

from trainers.evaluators.statistics.rates import binned_rates, gain, rate, wilson_interval


class RatesTest(tf.test.TestCase):
    def test_interval_is_that_of_scipy(self):
        for right, number in ((0, 5), (3, 7), (40, 41), (950, 1000)):
            expected = stats.binomtest(right, number).proportion_ci(method="wilson")
            low, high = wilson_interval(right, number)
            self.assertAllClose([low, high], [expected.low, expected.high], rtol=1e-9, atol=1e-12)

    def test_interval_holds_the_truth_as_often_as_it_says(self):
        truth, number, trials = 0.93, 400, 4000
        right = np.random.default_rng(0).binomial(number, truth, trials)
        low, high = wilson_interval(right, np.full(trials, number))
        covered = np.mean((low <= truth) & (truth <= high))
        # Five standard deviations of the coverage: fails once in a million seeds. One percent
        # more, because the binomial is discrete.
        self.assertNear(covered, 0.95, 5 * np.sqrt(0.95 * 0.05 / trials) + 0.01)

    def test_nothing_to_judge_is_not_a_number(self):
        score = rate(np.zeros(0, bool))
        self.assertAllEqual(np.isnan([score.value, score.low, score.high]), [True] * 3)
        self.assertTrue(np.isnan(gain(np.zeros(0, bool), np.zeros(0, bool)).value))

    def test_gain_is_that_of_paired_answers(self):
        random = np.random.default_rng(1)
        first, second = random.random(500) < 0.9, random.random(500) < 0.8
        b, c, n = (first & ~second).sum(), (second & ~first).sum(), 500
        score = gain(first, second)
        self.assertNear(score.value, (b - c) / n, 1e-12)
        # Agresti (2013), equation 11.2.
        half = stats.norm.ppf(0.975) * np.sqrt((b + c) - (b - c) ** 2 / n) / n
        self.assertAllClose([score.low, score.high], [score.value - half, score.value + half], 1e-6)
        same = gain(first, first)
        self.assertAllEqual([same.value, same.low, same.high], [0, 0, 0])

    def test_bins_are_those_of_scipy(self):
        random = np.random.default_rng(2)
        values, right = random.uniform(0, 30, 800), random.random(800) < 0.7
        edges = np.array([0.0, 5, 10, 25])
        score = binned_rates(values, right, edges)
        expected = stats.binned_statistic(values, right.astype(float), "mean", edges)
        self.assertAllClose(score.value, expected.statistic)
        self.assertAllEqual(score.objects, np.histogram(values, edges)[0])
        self.assertAllEqual(score.centres, [2.5, 7.5, 17.5])
        self.assertTrue(np.all((score.low < score.value) & (score.value < score.high)))

    def test_an_empty_bin_has_no_rate(self):
        score = binned_rates(np.array([1.0, 1.5]), np.array([True, False]), np.array([0, 2, 4]))
        self.assertAllEqual(np.isnan(score.value), [False, True])
        self.assertAllEqual(np.isnan(score.low), [False, True])
