import numpy as np
import tensorflow as tf
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf

from trainers.novelty.densities import FeatureGaussian, MeasurementMixture


class DensitiesTest(tf.test.TestCase):
    def test_features_have_the_distance_of_mahalanobis(self):
        random = np.random.default_rng(0)
        sample = random.standard_normal((500, 6)) @ random.standard_normal((6, 6)) + 3
        others = 3 * random.standard_normal((20, 6))
        expected = np.sqrt(LedoitWolf().fit(sample).mahalanobis(others))
        self.assertAllClose(FeatureGaussian.fit(sample).distance(others), expected, rtol=1e-4)

    def test_what_the_principal_components_leave_counts_too(self):
        random = np.random.default_rng(1)
        axes = np.linalg.qr(random.standard_normal((300, 300)))[0]
        spread = np.concatenate([np.full(128, 10.0), np.full(172, 0.1)])
        draw = lambda scale: random.standard_normal((400, 300)) * spread * scale @ axes.T  # noqa: E731
        density = FeatureGaussian.fit(draw(1.0))
        typical = density.distance(draw(1.0))
        odd = density.distance(draw(np.concatenate([np.ones(128), np.full(172, 3.0)])))
        self.assertGreater(np.median(odd), typical.max())

    def test_a_mixture_has_the_density_of_its_components(self):
        random = np.random.default_rng(2)
        sample = np.exp(random.standard_normal((600, 3)) + random.integers(0, 2, (600, 1)) * 4)
        density = MeasurementMixture.fit(sample)
        held = density.arrays
        points = (np.arcsinh(sample / held["scale"]) - held["centre"]) @ held["axes"]
        expected = 0
        for weight, mean, root in zip(
            held["weights"], held["means"], held["precisions_cholesky"], strict=True
        ):
            covariance = np.linalg.inv(root @ root.T)
            expected += weight * multivariate_normal(mean, covariance).pdf(points)
        lack = np.log(expected.max()) - np.log(expected)
        self.assertAllClose(density.distance(sample), np.sqrt(2 * np.maximum(lack, 0)), atol=1e-5)
        self.assertAllClose(held["weights"].sum(), 1.0)

    def test_measurements_that_are_all_the_same_have_a_density(self):
        sample = np.tile([[0.0, 5.0]], (60, 1))
        density = MeasurementMixture.fit(sample)
        self.assertAllClose(density.distance(sample), np.zeros(60), atol=1e-6)
        self.assertGreater(density.distance(np.array([[0.0, 6.0]]))[0], 100)


if __name__ == "__main__":
    tf.test.main()
