"""Distributions in bins against scipy."""

import numpy as np
import scipy.stats
import tensorflow as tf

from zoo.distributions import binned

LOW, HIGH, BINS = 0.0, 0.4, 50
EDGES = np.linspace(LOW, HIGH, BINS + 1)


class BinnedTest(tf.test.TestCase):
    def test_moments_and_quantiles_are_those_of_a_histogram(self):
        logits = np.random.default_rng(0).normal(0, 2, (4, BINS)).astype(np.float32)
        z = binned.of_logits(tf.constant(logits), LOW, HIGH)
        for row, mass in enumerate(z.mass.numpy().astype(np.float64)):
            reference = scipy.stats.rv_histogram((mass, EDGES))
            self.assertAllClose(z.mean()[row], reference.mean(), atol=1e-6)
            self.assertAllClose(z.stddev()[row], reference.std(), atol=1e-6)
            for probability in (0.16, 0.5, 0.84):
                value = z.quantile(probability)[row]
                self.assertAllClose(value, reference.ppf(probability), atol=1e-6)
            self.assertAllClose(z.pdf[row], reference.pdf((EDGES[1:] + EDGES[:-1]) / 2), rtol=1e-4)

    def test_mixture_is_that_of_truncated_normals(self):
        parameters = np.random.default_rng(1).normal(0, 1, (5, 9)).astype(np.float32)
        z = binned.of_mixture(tf.constant(parameters), BINS, LOW, HIGH)
        for row, (weights, places, scales) in enumerate(parameters.reshape(5, 3, 3)):
            weights = scipy.special.softmax(weights)
            loc = HIGH * scipy.special.expit(places + scipy.special.logit([1 / 6, 0.5, 5 / 6]))
            scale = HIGH * (np.log1p(np.exp(scales - 3)) + 0.25 / BINS)
            reached = sum(
                w * scipy.stats.norm.cdf(EDGES, m, s)
                for w, m, s in zip(weights, loc, scale, strict=True)
            )
            mass = np.diff(reached) / (reached[-1] - reached[0])
            mass = (1 - 1e-4) * mass + 1e-4 / BINS
            self.assertAllClose(z.mass[row], mass, rtol=1e-3, atol=3e-7)

    def test_bin_of_a_value(self):
        z = binned.of_logits(tf.zeros((6, BINS)), LOW, HIGH)
        values = np.array([0.0, 0.4, 0.2, -0.1, 0.41, np.nan], np.float32)
        log_mass, inside = z.log_mass_at(tf.constant(values))
        self.assertAllEqual(inside, [True] * 3 + [False] * 3)
        self.assertAllClose(log_mass, np.where(inside, -np.log(BINS), 0))

    def test_far_from_all_components_the_loss_is_finite(self):
        parameters = np.array([[0.0, -20.0, -20.0]], np.float32)
        variable = tf.Variable(parameters)
        with tf.GradientTape() as tape:
            loss, _ = binned.of_mixture(variable, BINS, LOW, HIGH).log_mass_at(tf.constant([0.39]))
        self.assertAllClose(loss, [np.log(1e-4 / BINS)], rtol=1e-3)
        self.assertTrue(np.isfinite(tape.gradient(loss, variable)).all())


if __name__ == "__main__":
    tf.test.main()
