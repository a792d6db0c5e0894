import numpy as np
import tensorflow as tf
from scipy import linalg
from sklearn.metrics.pairwise import polynomial_kernel

from trainers.evaluators.statistics.distribution_distances import (
    frechet_distance,
    kernel_distance,
)


def _samples(number=400, dimension=5, seed=0):
    draws = np.random.default_rng(seed)
    mixing = draws.normal(size=(dimension, dimension))
    first = draws.normal(size=(number, dimension))
    return first, draws.normal(size=(number, dimension)) @ mixing + 1.0


class DistributionDistancesTest(tf.test.TestCase):
    def test_frechet_distance_is_that_of_the_definition(self):
        first, second = _samples()
        covariances = [np.cov(sample, rowvar=False) for sample in (first, second)]
        root = linalg.sqrtm(covariances[0] @ covariances[1]).real
        offset = first.mean(axis=0) - second.mean(axis=0)
        expected = offset @ offset + np.trace(covariances[0] + covariances[1] - 2 * root)
        self.assertAllClose(frechet_distance(first, second), expected)

    def test_frechet_distance_of_shifted_and_scaled_samples(self):
        first, _ = _samples()
        self.assertAllClose(frechet_distance(first, first + 2.0), 5 * 2.0**2)
        # |s - 1|^2 of each axis' scatter.
        centred = first - first.mean(axis=0)
        expected = (3.0 - 1) ** 2 * np.trace(np.cov(first, rowvar=False))
        self.assertAllClose(frechet_distance(centred, 3.0 * centred), expected)
        self.assertAllClose(frechet_distance(first[:, :1], first[:, :1]), 0.0, atol=1e-9)
        # Fewer objects than features.
        self.assertGreater(frechet_distance(first[:3], first[3:6]), 0.1)

    def test_kernel_distance_is_that_of_scikit_learn_s_kernel(self):
        first, second = _samples(60)
        value, scatter = kernel_distance(first, second, np.random.default_rng(0))
        kernels = [polynomial_kernel(sample) for sample in (first, second)]
        pairs = ~np.eye(60, dtype=bool)
        # The mean over subsets is that over all rows, but for the choice of the subsets.
        expected = sum(kernel[pairs].mean() for kernel in kernels)
        expected -= 2 * polynomial_kernel(first, second).mean()
        self.assertBetween(scatter, 0.05 * expected, expected)
        # Five standard deviations of the mean of 50 subsets.
        self.assertLess(abs(value - expected), 5 * scatter / np.sqrt(50))
        # Rows that are all alike leave nothing to choose.
        value, scatter = kernel_distance(
            first[:1].repeat(8, 0), second[:1].repeat(8, 0), np.random.default_rng(0)
        )
        single = polynomial_kernel(np.stack([first[0], second[0]]))
        self.assertAllClose(value, single[0, 0] + single[1, 1] - 2 * single[0, 1])
        self.assertAllClose(scatter, 0.0)

    def test_kernel_distance_has_no_bias(self):
        draws = np.random.default_rng(1)
        values = [
            kernel_distance(*draws.normal(size=(2, 30, 4)), np.random.default_rng(0))[0]
            for _ in range(40)
        ]
        self.assertLess(abs(np.mean(values)), 5 * np.std(values) / np.sqrt(40))
        self.assertLess(min(values), 0)


if __name__ == "__main__":
    tf.test.main()
