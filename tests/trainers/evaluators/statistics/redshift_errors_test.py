"""Scores of redshifts against closed forms and numerical integrals."""

import numpy as np
import scipy.stats
import tensorflow as tf

from trainers.evaluators.statistics import dense_network, photometric_baselines
from trainers.evaluators.statistics.redshift_errors import BinnedScores, PointErrors, residuals

LOW, HIGH, BINS = 0.05, 0.45, 40
EDGES = np.linspace(LOW, HIGH, BINS + 1)


def normal_densities(loc, scale):
    """Returns normal densities in the bins, cut to the range, (number, bins)."""
    mass = np.diff(scipy.stats.norm.cdf(EDGES, loc[:, None], scale[:, None]), axis=1)
    return mass / mass.sum(axis=1, keepdims=True) / (EDGES[1] - EDGES[0])


class PointErrorsTest(tf.test.TestCase):
    def test_of_normal_deviations(self):
        number, scale = 40_000, 0.02
        dz = np.random.default_rng(0).normal(0.003, scale, number)
        errors = PointErrors.of(dz)
        # Four standard errors: of a mean, of a median absolute deviation, of a share.
        error = scale / np.sqrt(number)
        self.assertAllClose(errors.bias_error, error, rtol=0.02)
        self.assertAllClose(errors.bias, 0.003, atol=4 * error)
        self.assertAllClose(errors.sigma_mad, scale, atol=4 * 1.17 * error)
        share = scipy.stats.norm.sf(0.047, scale=scale) + scipy.stats.norm.sf(0.053, scale=scale)
        self.assertAllClose(errors.outliers, share, atol=4 * np.sqrt(share / number))

    def test_deviations_are_relative_to_one_plus_redshift(self):
        self.assertAllClose(residuals(np.array([0.5, 0.1]), np.array([0.25, 0.1])), [0.2, 0])


class BinnedScoresTest(tf.test.TestCase):
    def test_against_numerical_integrals(self):
        draws = np.random.default_rng(1)
        pdf = draws.gamma(0.5, size=(12, BINS))
        pdf /= pdf.sum(axis=1, keepdims=True) * (EDGES[1] - EDGES[0])
        truth = np.concatenate([draws.uniform(LOW, HIGH, 9), [LOW, HIGH, HIGH + 0.1]])
        scores = BinnedScores.of(pdf, LOW, HIGH, truth)
        x = np.linspace(LOW, HIGH + 0.2, 600_001)
        for row, z in enumerate(truth):
            reference = scipy.stats.rv_histogram((pdf[row], EDGES), density=True)
            self.assertAllClose(scores.pit[row], reference.cdf(z), atol=1e-9)
            crps = np.trapezoid((reference.cdf(x) - (x >= z)) ** 2, x)
            self.assertAllClose(scores.crps[row], crps, atol=2e-6)
            expected = np.sum(pdf[row] ** 2) * (EDGES[1] - EDGES[0])
            # The upper edge of the range belongs to the last bin.
            at_truth = 0 if z > HIGH else pdf[row, min(int((z - LOW) / 0.01), BINS - 1)]
            self.assertAllClose(scores.cde[row], expected - 2 * at_truth, rtol=1e-9)

    def test_of_normal_densities(self):
        number = 4000
        draws = np.random.default_rng(2)
        loc, scale = draws.uniform(0.2, 0.3, number), draws.uniform(0.015, 0.02, number)
        truth = draws.normal(loc, scale)
        scores = BinnedScores.of(normal_densities(loc, scale), LOW, HIGH, truth)
        self.assertGreater(scores.ks[1], 1e-4)
        # Gneiting & Raftery 2007, equation 21, in the limit of narrow bins.
        pull = (truth - loc) / scale
        normal = scipy.stats.norm
        crps = pull * (2 * normal.cdf(pull) - 1) + 2 * normal.pdf(pull) - 1 / np.sqrt(np.pi)
        self.assertAllClose(scores.crps.mean(), np.mean(scale * crps), rtol=0.02)
        # The density itself has the least expected loss, -integral of f^2.
        self.assertAllClose(
            scores.cde.mean(), -np.mean(1 / (2 * scale * np.sqrt(np.pi))), rtol=0.04
        )
        for factor in (0.5, 2.0):
            wrong = BinnedScores.of(normal_densities(loc, factor * scale), LOW, HIGH, truth)
            self.assertLess(wrong.ks[1], 1e-10)
            self.assertGreater(wrong.crps.mean(), scores.crps.mean())
            self.assertGreater(wrong.cde.mean(), scores.cde.mean())


class BaselinesTest(tf.test.TestCase):
    def test_missing_magnitudes_are_the_faintest_of_their_band(self):
        magnitudes = np.array([[20.0, 18, 17], [-9999, 18.5, 17], [21, 19, 99], [22, 20, 19]])
        columns, complete = photometric_baselines.colours(magnitudes, 1, [np.arange(4)])
        self.assertAllEqual(complete, [True, False, False, True])
        self.assertAllClose(columns[1], [22 - 18.5, 1.5, 18.5, 1])
        self.assertAllClose(columns[2], [2, 19 - 19, 19, 2])

    def test_each_learns_a_smooth_relation(self):
        draws = np.random.default_rng(3)
        points = draws.uniform(-1, 1, (800, 2))
        redshift = 0.2 + 0.1 * points[:, 0]
        for method in (*photometric_baselines.BASELINES, photometric_baselines.NETWORK):
            predicted = photometric_baselines.predict(
                method, points[:600], redshift[:600], points[600:], seed=0
            )
            self.assertLess(np.std(predicted - redshift[600:]), 0.01)

    def test_network_takes_several_targets_and_survives_an_outlier(self):
        draws = np.random.default_rng(4)
        points = draws.uniform(-1, 1, (1200, 2))
        # Of two scales; curved, so that no straight fit is as good.
        targets = np.column_stack([100 * points[:, 0] ** 2, 1e-3 * points[:, 0] * points[:, 1]])
        targets[0] *= 1e4
        inputs = points[:1000], targets[:1000], points[1000:]
        predicted = dense_network.predict(*inputs, seed=0)
        errors = np.std(predicted - targets[1000:], axis=0) / targets[1000:].std(axis=0)
        self.assertAllLess(errors, 0.15)
        self.assertAllEqual(predicted, dense_network.predict(*inputs, seed=0))


if __name__ == "__main__":
    tf.test.main()
