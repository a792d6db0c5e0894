import json

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy import special, stats

from zoo.distributions import DiagonalNormal, FullCovarianceNormal


class PosteriorTest(tf.test.TestCase, parameterized.TestCase):
    def parameters(self, layer, number=3):
        draws = np.random.default_rng(0)
        return draws.normal(size=(number, layer.n_params)).astype(np.float32)

    def test_diagonal_density(self):
        layer = DiagonalNormal(4)
        self.assertEqual(layer.n_params, 8)
        parameters = self.parameters(layer)
        posterior = layer(parameters)
        scale = np.log1p(np.exp(parameters[:, 4:])) + 1e-3
        self.assertAllClose(posterior.mean(), parameters[:, :4])
        self.assertAllClose(posterior.stddev(), scale)
        z = np.ones((3, 4), np.float32)
        expected = stats.norm.logpdf(z, parameters[:, :4], scale).sum(axis=-1)
        self.assertAllClose(posterior.log_prob(z), expected, rtol=1e-4)

    def test_full_density(self):
        layer = FullCovarianceNormal(4)
        self.assertEqual(layer.n_params, 14)
        posterior = layer(self.parameters(layer))
        lower = posterior.scale.to_dense().numpy()
        self.assertAllEqual(lower, np.tril(lower))
        self.assertAllGreater(np.diagonal(lower, axis1=1, axis2=2), 1e-3)
        self.assertAllGreater(np.abs(lower[:, *np.tril_indices(4)]), 0)
        z = np.ones(4, np.float32)
        for one, loc, tril in zip(posterior.log_prob(z), posterior.mean(), lower, strict=True):
            expected = stats.multivariate_normal.logpdf(z, loc, tril @ tril.T)
            self.assertAllClose(one, expected, rtol=1e-4)

    @parameterized.product(
        layer_class=(DiagonalNormal, FullCovarianceNormal), value=(-1e4, 0.0, 1e4)
    )
    def test_extreme_parameters_stay_finite(self, layer_class, value):
        layer = layer_class(3)
        parameters = tf.fill((2, layer.n_params), value)
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            posterior = layer(parameters)
            z = posterior.mean() + posterior.scale.matvec(tf.ones((2, 3)))
            log_prob = posterior.log_prob(z)
        self.assertTrue(np.isfinite(log_prob).all())
        self.assertTrue(np.isfinite(tape.gradient(log_prob, parameters)).all())

    @parameterized.parameters(DiagonalNormal, FullCovarianceNormal)
    def test_half_precision_configuration_and_compilation(self, layer_class):
        layer = layer_class(3)
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
        again = keras.saving.deserialize_keras_object(config)
        parameters = tf.constant(self.parameters(layer), tf.float16)
        posterior = again(parameters)
        self.assertEqual(posterior.dtype, tf.float32)
        self.assertAllEqual(posterior.stddev(), layer(parameters).stddev())

        @tf.function(
            input_signature=[tf.TensorSpec((None, layer.n_params), tf.float16)], jit_compile=True
        )
        def compiled(parameters):
            return layer(parameters).log_prob(tf.ones(3))

        self.assertAllClose(compiled(parameters), posterior.log_prob(tf.ones(3)), rtol=1e-4)

    def test_latent_dim_is_positive(self):
        with self.assertRaisesRegex(ValueError, "latent_dim must be at least 1; got 0"):
            DiagonalNormal(0)

    def test_reparametrised_moments(self):
        # 20,000 draws: 6 standard errors fail once in 1e9 for each of the 9 numbers.
        layer = FullCovarianceNormal(3)
        posterior = layer(self.parameters(layer, 1))
        z = posterior.mean() + posterior.scale.matvec(
            tf.random.stateless_normal((20_000, 3), (1, 2))
        )
        covariance = posterior.covariance()[0].numpy()
        variance = np.diag(covariance)
        error = np.sqrt((np.outer(variance, variance) + covariance**2) / 20_000)
        self.assertAllLess(np.abs(np.cov(z, rowvar=False) - covariance) / error, 6)
        self.assertAllLess(np.abs(np.mean(z, axis=0) - posterior.mean()[0]), 6 * error.max())
        self.assertAllClose(special.softplus(0.0) + 1e-3, layer(tf.zeros((1, 9))).stddev()[0, 0])


if __name__ == "__main__":
    tf.test.main()
