import json

import keras
import numpy as np
import tensorflow as tf
from scipy import stats
from scipy.spatial import distance
from sklearn.mixture import GaussianMixture

from zoo.distributions import MixturePrior


def fitted(components=3, dims=2):
    """Returns scikit-learn's mixture of a sample with three lumps."""
    draws = np.random.default_rng(0)
    lumps = [draws.normal(size=(100, dims)) @ draws.normal(size=(dims, dims)) for _ in range(3)]
    sample = np.concatenate([lump + 6 * k for k, lump in enumerate(lumps)])
    return GaussianMixture(components, random_state=0).fit(sample)


class MixturePriorTest(tf.test.TestCase):
    def like_sklearn(self, latent_dim=4):
        mixture = fitted()
        prior = MixturePrior(latent_dim, components=3, dims=2, learnt=True)
        prior.set_parameters(mixture.weights_, mixture.means_, mixture.covariances_)
        return prior, mixture

    def test_the_prior_of_the_source(self):
        prior = MixturePrior(3, separation=2.0, scale=0.5)
        z = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
        first = 0.5 * (stats.norm.pdf(z[:, 0], -2, 0.5) + stats.norm.pdf(z[:, 0], 2, 0.5))
        expected = np.log(first) + stats.norm.logpdf(z[:, 1:]).sum(axis=-1)
        self.assertAllClose(prior.log_prob(z), expected, rtol=1e-4)
        upper = 0.5 * stats.norm.pdf(z[:, 0], 2, 0.5) / first
        self.assertAllClose(prior.responsibilities(z)[:, 1], upper, rtol=1e-4, atol=1e-6)
        self.assertEmpty(prior.trainable_weights)

    def test_against_scikit_learn(self):
        prior, mixture = self.like_sklearn()
        z = np.random.default_rng(2).normal(3, 4, size=(6, 4)).astype(np.float32)
        mixed = z[:, :2]
        log_mixed = mixture.score_samples(mixed)
        self.assertAllClose(prior.log_prob_mixed(mixed), log_mixed, rtol=1e-4)
        self.assertAllClose(prior.distribution().log_prob(mixed), log_mixed, rtol=1e-4)
        rest = stats.norm.logpdf(z[:, 2:]).sum(axis=-1)
        self.assertAllClose(prior.log_prob(z), log_mixed + rest, rtol=1e-4)
        self.assertAllClose(prior.responsibilities(z), mixture.predict_proba(mixed), atol=1e-4)
        expected = [
            distance.cdist(mixed, [mean], "mahalanobis", VI=precision)[:, 0]
            for mean, precision in zip(mixture.means_, mixture.precisions_, strict=True)
        ]
        self.assertAllClose(prior.component_distances(z), np.transpose(expected), rtol=1e-3)

    def test_samples_follow_the_density(self):
        # A Kolmogorov-Smirnov test per latent, each failing once in 1e5 seeds.
        prior = MixturePrior(2, separation=2.0, scale=0.5)
        z = prior.sample(4000, tf.constant([3, 4])).numpy()
        self.assertAllEqual(z, prior.sample(4000, tf.constant([3, 4])))
        self.assertNotAllClose(z, prior.sample(4000, tf.constant([3, 5])))

        def first(t):
            return 0.5 * (stats.norm.cdf(t, -2, 0.5) + stats.norm.cdf(t, 2, 0.5))

        self.assertGreater(stats.kstest(z[:, 0], first).pvalue, 1e-5)
        self.assertGreater(stats.kstest(z[:, 1], stats.norm.cdf).pvalue, 1e-5)
        # Correlated components: the moments, within 6 standard errors of 20,000 draws.
        prior, mixture = self.like_sklearn(2)
        z = prior.sample(20_000, tf.constant([5, 6])).numpy()
        mean = mixture.weights_ @ mixture.means_
        error = z.std(axis=0) / np.sqrt(20_000)
        self.assertAllLess(np.abs(z.mean(axis=0) - mean) / error, 6)
        self.assertGreater(np.mean(mixture.score_samples(z)), np.mean(mixture.score_samples(-z)))

    def test_many_modes_start_evenly_spaced(self):
        prior = MixturePrior(4, components=4, dims=2, separation=3.0)
        self.assertAllClose(prior.means[:, 0], [-3, -1, 1, 3])
        self.assertAllClose(prior.means[:, 1], [0, 0, 0, 0])

    def test_learnt_parameters_have_finite_gradients(self):
        prior, _ = self.like_sklearn()
        z = tf.constant(np.random.default_rng(3).normal(0, 100, (8, 4)), tf.float32)
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(prior.log_prob(z))
        weights = [weight.value for weight in prior.trainable_weights]
        self.assertLen(weights, 3)
        for gradient in tape.gradient(loss, weights):
            self.assertTrue(np.isfinite(gradient).all())
            self.assertGreater(np.abs(gradient).max(), 0)

    def test_configuration_and_weights(self):
        prior, _ = self.like_sklearn()
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(prior)))
        again = keras.saving.deserialize_keras_object(config)
        again.set_weights(prior.get_weights())
        self.assertEqual(again.get_config(), prior.get_config())
        self.assertAllEqual(again.log_prob(tf.ones((1, 4))), prior.log_prob(tf.ones((1, 4))))

    def test_compiled_at_any_batch_size(self):
        prior, _ = self.like_sklearn()

        @tf.function(input_signature=[tf.TensorSpec((None, 4))], jit_compile=True)
        def compiled(z):
            return prior.log_prob(z), prior.responsibilities(z), prior.component_distances(z)

        for number in (1, 3):
            z = tf.ones((number, 4))
            log_prob, responsibilities, distances = compiled(z)
            self.assertAllClose(log_prob, prior.log_prob(z), rtol=1e-4)
            self.assertAllClose(responsibilities, prior.responsibilities(z), atol=1e-5)
            self.assertAllClose(distances, prior.component_distances(z), rtol=1e-4)

        @tf.function(jit_compile=True)
        def sample(number):
            return prior.sample(number, tf.constant([1, 2]))

        # XLA has its own numbers, so that only their distribution can be compared: a
        # Kolmogorov-Smirnov test that fails once in 1e5 seeds.
        drawn, others = sample(2000), prior.sample(2000, tf.constant([1, 2]))
        for latent, other in zip(np.transpose(drawn), np.transpose(others), strict=True):
            self.assertGreater(stats.ks_2samp(latent, other).pvalue, 1e-5)

    def test_bad_arguments(self):
        prior = MixturePrior(3, dims=2)
        weights, loc, covariance = np.ones(2), np.zeros((2, 2)), np.stack([np.eye(2)] * 2)
        with self.assertRaisesRegex(ValueError, r"loc must have the shape \(2, 2\); got \(2, 3\)"):
            prior.set_parameters(weights, np.zeros((2, 3)), covariance)
        with self.assertRaisesRegex(ValueError, "weights must be positive; got"):
            prior.set_parameters(weights - 1, loc, covariance)
        with self.assertRaisesRegex(ValueError, "covariance must be positive definite"):
            prior.set_parameters(weights, loc, -covariance)
        with self.assertRaisesRegex(ValueError, "components must be at least 2; got 1"):
            MixturePrior(3, components=1)
        with self.assertRaisesRegex(ValueError, "dims must be between 1 and latent_dim, 3; got 4"):
            MixturePrior(3, dims=4)
        with self.assertRaisesRegex(ValueError, "scale must be above 0.02; got 0.01"):
            MixturePrior(3, scale=0.01)


if __name__ == "__main__":
    tf.test.main()
