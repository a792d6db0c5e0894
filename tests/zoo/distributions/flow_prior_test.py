import keras
import numpy as np
import tensorflow as tf
from scipy import stats

from zoo.distributions.flow_prior import FlowPrior


def _banana(number):
    draws = np.random.default_rng(1).normal(size=(number, 2))
    return np.stack([2 * draws[:, 0], 0.5 * draws[:, 1] + draws[:, 0] ** 2], axis=-1)


def _banana_density(z):
    first = stats.norm.pdf(z[:, 0], 0, 2)
    return first * stats.norm.pdf(z[:, 1], (z[:, 0] / 2) ** 2, 0.5)


class FlowPriorTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flow = FlowPrior(2, couplings=4, units=16, seed=2)
        cls.gain = cls.flow.fit(_banana(4000), epochs=20, rate=1e-2)
        axes = np.linspace(-9, 9, 121), np.linspace(-3, 13, 121)
        grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float32)
        cls.grid, cls.area = grid, 0.15 * 16 / 120

    def test_density_of_a_curved_distribution(self):
        density = np.exp(self.flow.log_prob(self.grid).numpy())
        self.assertAllClose(density.sum() * self.area, 1.0, rtol=0.01)
        distance = np.abs(density - _banana_density(self.grid)).sum() * self.area
        normal = stats.multivariate_normal([0, 1], [[4, 0], [0, 2.25]]).pdf(self.grid)
        self.assertLess(distance, 0.15)
        self.assertGreater(np.abs(normal - _banana_density(self.grid)).sum() * self.area, 0.6)
        # Entropies of both: log 3 is the ratio of the widths of the second latent.
        self.assertNear(self.gain, np.log(3.0), 0.1)

    def test_samples_have_the_density(self):
        drawn = self.flow.sample(4000, tf.constant([1, 2])).numpy()
        # The chance of a Kolmogorov-Smirnov distance beyond 0.043 is 1e-3, if both were equal.
        for axis in (0, 1):
            self.assertLess(stats.ks_2samp(drawn[:, axis], _banana(4000)[:, axis])[0], 0.06)
        self.assertAllEqual(drawn[:5], self.flow.sample(4000, tf.constant([1, 2]))[:5])

    def test_gradient_is_that_of_differences(self):
        log_prob = tf.function(self.flow.log_prob)
        z = tf.constant(_banana(5), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(z)
            density = log_prob(z)
        gradient = tape.gradient(density, z).numpy()
        for axis in (0, 1):
            step = 1e-2 * np.eye(2, dtype=np.float32)[axis]
            rise = (log_prob(z + step) - log_prob(z - step)) / 2e-2
            self.assertAllClose(gradient[:, axis], rise, rtol=0.02, atol=0.02)

    def test_starts_as_the_standard_normal_distribution(self):
        z = np.random.default_rng(3).normal(size=(6, 5)).astype(np.float32)
        normal = stats.multivariate_normal(np.zeros(5)).logpdf(z)
        self.assertAllClose(FlowPrior(5).log_prob(z), normal, rtol=1e-5)

    def test_starts_the_fit_as_the_normal_distribution_of_the_latents(self):
        draws = np.random.default_rng(4)
        latents = draws.normal(size=(60, 3)) @ draws.normal(size=(3, 3)) + 2.0
        flow = FlowPrior(3, couplings=2, units=4)
        self.assertEqual(flow.fit(latents, epochs=1, rate=0.0), 0.0)
        kept = latents[np.random.default_rng(0).permutation(60)][6:]
        normal = stats.multivariate_normal(kept.mean(axis=0), np.cov(kept, rowvar=False))
        self.assertAllClose(flow.log_prob(latents), normal.logpdf(latents), rtol=1e-3)

    def test_weights_are_those_of_the_fit_alone(self):
        self.assertEmpty(self.flow.trainable_variables)
        copy = FlowPrior.from_config(self.flow.get_config())
        copy.set_weights(self.flow.get_weights())
        self.assertAllEqual(copy.log_prob(self.grid[:9]), self.flow.log_prob(self.grid[:9]))
        self.assertIsInstance(copy, keras.layers.Layer)

    def test_errors(self):
        for arguments, message in (
            ({"latent_dim": 1}, "latent_dim must be at least 2; got 1"),
            ({"latent_dim": 4, "couplings": 0}, "couplings must be at least 1; got 0"),
            ({"latent_dim": 4, "units": 0}, "units must be at least 1; got 0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                FlowPrior(**arguments)
        for latents, message in (
            (np.zeros((7, 2)), r"must have the shape \(8 or more, 2\); got \(7, 2\)"),
            (np.zeros((9, 3)), r"must have the shape \(8 or more, 2\); got \(9, 3\)"),
            (np.full((9, 2), np.nan), "latents must be finite"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.flow.fit(latents)


if __name__ == "__main__":
    tf.test.main()
