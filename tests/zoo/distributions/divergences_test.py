"""Divergences against closed forms, TFP, scipy and scikit-learn."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp
from absl.testing import parameterized
from scipy import integrate, linalg, stats
from scipy.optimize import linear_sum_assignment
from scipy.spatial import distance
from sklearn.metrics import pairwise

from zoo import distributions as zd

tfd = tfp.distributions

SEED = tf.constant([7, 8])


def sample(number, dims, loc=0.0, seed=0):
    """Returns normal numbers about `loc`, float32."""
    return (np.random.default_rng(seed).normal(size=(number, dims)) + loc).astype(np.float32)


def posterior(layer_class=zd.DiagonalNormal, dims=3, number=5):
    layer = layer_class(dims)
    return layer(sample(number, layer.n_params))


class KullbackLeiblerTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(zd.DiagonalNormal, zd.FullCovarianceNormal)
    def test_to_the_standard_normal(self, layer_class):
        q = posterior(layer_class)
        standard = tfd.MultivariateNormalTriL(tf.zeros(3), tf.eye(3))
        full = tfd.MultivariateNormalTriL(q.mean(), q.scale.to_dense())
        self.assertAllClose(zd.kl_normal(q), tfd.kl_divergence(full, standard), rtol=1e-4)

    def test_monte_carlo_is_exact_where_the_densities_are_equal(self):
        prior = zd.MixturePrior(3, separation=0.0, scale=1.0)
        q = tfd.MultivariateNormalDiag(tf.zeros((4, 3)), tf.ones((4, 3)))
        self.assertAllClose(zd.kl_monte_carlo(q, prior, sample(4, 3)), np.zeros(4), atol=1e-5)

    def test_monte_carlo_tends_to_the_closed_form(self):
        # Both modes at zero: the mixture is N(0, I). 4,000 draws, 6 standard errors: each of the
        # 5 values fails once in 1e9.
        prior = zd.MixturePrior(3, separation=0.0, scale=1.0)
        q = posterior(zd.FullCovarianceNormal)
        noise = tf.random.stateless_normal((4000, 5, 3), SEED)
        z = q.mean() + q.scale.matvec(noise)
        values = q.log_prob(z) - prior.log_prob(z)
        error = np.std(values, axis=0) / np.sqrt(4000)
        estimate = zd.kl_monte_carlo(q, prior, z)
        self.assertEqual(estimate.shape, (5,))
        self.assertAllLess(np.abs(estimate - zd.kl_normal(q)) / error, 6)


class AggregatedWassersteinTest(tf.test.TestCase):
    def test_against_optimal_assignment(self):
        x, y = sample(40, 3), sample(40, 3, loc=1.0, seed=1)
        expected = 0.0
        for a, b in zip(x.T, y.T, strict=True):
            cost = (a[:, None] - b[None]) ** 2
            expected += cost[linear_sum_assignment(cost)].mean()
        self.assertAllClose(zd.aggregated_wasserstein(x, y), expected, rtol=1e-5)

    def test_a_shift_costs_its_square(self):
        x = sample(50, 2)
        self.assertAllClose(
            zd.aggregated_wasserstein(x, x[::-1] + np.array([3, 4])), 25.0, rtol=1e-5
        )
        self.assertEqual(zd.aggregated_wasserstein(x, x[::-1]), 0.0)
        # Its square root in one dimension is at least the first Wasserstein distance.
        y = sample(50, 1, loc=0.5, seed=2)
        first = stats.wasserstein_distance(x[:, 0], y[:, 0])
        second = np.sqrt(zd.aggregated_wasserstein(x[:, :1], y))
        self.assertGreaterEqual(second, first)


class PointwiseWassersteinTest(tf.test.TestCase):
    def prior(self):
        loc = np.array([[-2, 0, 0], [2, 0, 0]], np.float32)
        scale = np.array([[0.5, 1, 1], [0.7, 1, 2]], np.float32)
        return loc, scale

    def expected(self, loc, covariances, prior_loc, prior_covariances):
        values = []
        for mean, S in zip(loc, covariances, strict=True):
            distances = []
            for prior_mean, P in zip(prior_loc, prior_covariances, strict=True):
                root = linalg.sqrtm(P)
                cross = linalg.sqrtm(root @ S @ root).real
                distances.append(np.sum((mean - prior_mean) ** 2) + np.trace(S + P - 2 * cross))
            values.append(min(distances))
        return values

    def test_diagonal(self):
        q, (loc, scale) = posterior(), self.prior()
        covariances = [np.diag(row**2) for row in q.stddev().numpy().astype(np.float64)]
        prior_covariances = [np.diag(row**2) for row in scale.astype(np.float64)]
        expected = self.expected(q.mean(), covariances, loc, prior_covariances)
        value = zd.pointwise_wasserstein(q.mean(), q.stddev(), loc, scale)
        self.assertAllClose(value, expected, rtol=1e-4)
        dense = tf.linalg.diag(q.stddev())
        self.assertAllClose(zd.pointwise_wasserstein(q.mean(), dense, loc, scale), value, rtol=1e-4)
        at_modes = zd.pointwise_wasserstein(loc, scale, loc, scale)
        self.assertAllClose(at_modes, [0, 0])

    def test_full_covariance(self):
        q, (loc, scale) = posterior(zd.FullCovarianceNormal), self.prior()
        lower = np.stack([np.diag(row) for row in scale])
        lower[:, 1, 0], lower[:, 2, 1] = 0.5, -0.8
        covariances = q.covariance().numpy().astype(np.float64)
        prior_covariances = [tril @ tril.T for tril in lower.astype(np.float64)]
        expected = self.expected(q.mean(), covariances, loc, prior_covariances)
        value = zd.pointwise_wasserstein(q.mean(), q.scale.to_dense(), loc, lower)
        self.assertAllClose(value, expected, rtol=1e-4)


class SlicedCramerTest(tf.test.TestCase):
    def test_one_latent_is_half_the_square_of_the_energy_distance(self):
        x, y = sample(60, 1), sample(60, 1, loc=0.7, seed=1)
        expected = stats.energy_distance(x[:, 0], y[:, 0]) ** 2 / 2
        self.assertAllClose(zd.sliced_cramer(x, y, 1, SEED), expected, rtol=1e-4)
        compiled = tf.function(zd.sliced_cramer, jit_compile=True)
        self.assertAllClose(compiled(x, y, 1, SEED), expected, rtol=1e-4)

    def test_many_latents_average_over_directions(self):
        x, y = sample(60, 4), sample(60, 4, loc=0.7, seed=1)
        directions = tf.random.stateless_normal((4, 20), SEED).numpy()
        directions /= np.linalg.norm(directions, axis=0)
        expected = [
            stats.energy_distance(a, b) ** 2 / 2
            for a, b in zip((x @ directions).T, (y @ directions).T, strict=True)
        ]
        self.assertAllClose(zd.sliced_cramer(x, y, 20, SEED), np.mean(expected), rtol=1e-4)


class MaximumMeanDiscrepancyTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(kernel=("imq", "rbf"), bandwidth=("mean", "median", 3.0))
    def test_against_pairwise_kernels(self, kernel, bandwidth):
        x, y = sample(15, 3), sample(20, 3, loc=0.5, seed=1)
        pairs = distance.pdist(np.concatenate([x, y]), "sqeuclidean")
        h = {"mean": pairs.mean(), "median": np.median(pairs)}.get(bandwidth, bandwidth)

        def values(a, b):
            widths = [h * 2.0**j for j in (-2, -1, 0, 1, 2)]
            if kernel == "rbf":
                return sum(pairwise.rbf_kernel(a, b, gamma=1 / width) for width in widths)
            squares = distance.cdist(a, b, "sqeuclidean")
            return sum(width / (width + squares) for width in widths)

        xx, yy, xy = values(x, x), values(y, y), values(x, y)
        options = {"kernel": kernel, "bandwidth": bandwidth}
        biased = xx.mean() + yy.mean() - 2 * xy.mean()
        self.assertAllClose(zd.mmd(x, y, **options), biased, rtol=1e-4)
        unbiased = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy))
        unbiased -= 2 * xy.mean()
        self.assertAllClose(zd.mmd(x, y, unbiased=True, **options), unbiased, rtol=1e-3, atol=1e-5)

    def test_closed_form_for_normal_distributions(self):
        # With d = x - y ~ N(shift, 2 I):  E exp(-|d|^2 / h) = (1 + 4 / h)^(-dims / 2)
        # exp(-|shift|^2 / (h + 4)). 100 pairs of samples; 5 standard errors fail once in 2e6.
        dims, shift, h = 3, 1.5, 4.0
        expected = 0.0
        for width in (h * 2.0**j for j in range(-2, 3)):
            within = (1 + 4 / width) ** (-dims / 2)
            expected += 2 * within * (1 - np.exp(-dims * shift**2 / (width + 4)))
        values = [
            zd.mmd(
                sample(40, dims, seed=2 * i),
                sample(50, dims, shift, seed=2 * i + 1),
                bandwidth=h,
                unbiased=True,
            )
            for i in range(100)
        ]
        error = np.std(values) / np.sqrt(len(values))
        self.assertLess(np.abs(np.mean(values) - expected) / error, 5)

    def test_the_unbiased_estimate_averages_to_zero(self):
        # 200 pairs of samples of one distribution; 5 standard errors fail once in 2e6.
        values = [
            zd.mmd(sample(20, 2, seed=2 * i), sample(20, 2, seed=2 * i + 1), unbiased=True)
            for i in range(200)
        ]
        self.assertLess(np.abs(np.mean(values)) / (np.std(values) / np.sqrt(200)), 5)

    def test_far_from_zero_it_is_the_same(self):
        x, y = sample(20, 3), sample(20, 3, loc=0.5, seed=1)
        self.assertAllClose(zd.mmd(x + 1000, y + 1000), zd.mmd(x, y), rtol=1e-2)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "kernel must be 'imq' or 'rbf'; got 'cubic'"):
            zd.mmd(sample(4, 2), sample(4, 2), kernel="cubic")
        with self.assertRaisesRegex(ValueError, "bandwidth must be .*; got 'mode'"):
            zd.mmd(sample(4, 2), sample(4, 2), bandwidth="mode")


class CoralTest(tf.test.TestCase):
    def test_against_the_covariances_of_numpy(self):
        x, y = sample(15, 4), 2 * sample(20, 4, seed=1)
        expected = np.sum((np.cov(x.T) - np.cov(y.T)) ** 2) / (4 * 4**2)
        self.assertAllClose(zd.coral(x, y), expected, rtol=1e-5)

    def test_it_does_not_see_the_mean_and_is_exact_far_from_zero(self):
        x, y = sample(15, 4), 2 * sample(20, 4, seed=1)
        self.assertAllClose(zd.coral(x + 1000, y - 1000), zd.coral(x, y), rtol=1e-3)


class JensenShannonTest(tf.test.TestCase):
    def test_the_best_classifier_reaches_the_divergence(self):
        # Normal distributions about -1 and 1: the best logit is 2 x. 40,000 draws.
        p, q = stats.norm(1), stats.norm(-1)

        def integrand(x):
            mean = (p.pdf(x) + q.pdf(x)) / 2
            return sum(d.pdf(x) * np.log(d.pdf(x) / mean) for d in (p, q)) / 2

        expected, _ = integrate.quad(integrand, -12, 12)
        x, y = sample(40_000, 1, 1.0), sample(40_000, 1, -1.0, seed=1)
        for slope, sign in ((2.0, 0), (1.0, -1), (4.0, -1)):
            values = zd.jensen_shannon_bound(slope * x, slope * y)
            self.assertEqual(values.shape, (40_000,))
            error = np.std(values) / np.sqrt(len(values))
            # 5 standard errors fail once in 2e6; worse classifiers stay below.
            difference = (np.mean(values) - expected) / error
            self.assertBetween(difference, *((-5, 5) if sign == 0 else (-np.inf, -5)))

    def test_no_opinion_and_certainty(self):
        zeros, sure = np.zeros(4, np.float32), np.full(4, 100.0, np.float32)
        self.assertAllClose(zd.jensen_shannon_bound(zeros, zeros), np.zeros(4))
        self.assertAllClose(zd.jensen_shannon_bound(sure, -sure), np.full(4, np.log(2)))
        self.assertAllClose(zd.jensen_shannon_bound(-sure, sure), np.full(4, np.log(2) - 100))


def _pw(x, y):
    return zd.pointwise_wasserstein(x, tf.ones_like(x), y[:2], tf.ones((2, x.shape[1])))


def _pw_full(x, y):
    scale = tf.linalg.diag(tf.ones_like(x) * 0.5)
    return zd.pointwise_wasserstein(x, scale, y[:2], tf.ones((2, x.shape[1])))


DIVERGENCES = {
    "aw": zd.aggregated_wasserstein,
    "coral": zd.coral,
    "mmd_imq": lambda x, y: zd.mmd(x, y, kernel="imq"),
    "mmd_median": lambda x, y: zd.mmd(x, y, bandwidth="median", unbiased=True),
    "mmd_rbf": zd.mmd,
    "pw": _pw,
    "pw_full": _pw_full,
    "sc": lambda x, y: zd.sliced_cramer(x, y, 16, SEED),
}


class EveryDivergenceTest(tf.test.TestCase, parameterized.TestCase):
    # XLA draws other directions for "sc".
    @parameterized.parameters(*(DIVERGENCES.keys() - {"sc"}))
    def test_compiled_at_any_batch_size(self, name):
        divergence = DIVERGENCES[name]
        spec = [tf.TensorSpec((None, 3))] * 2
        function = tf.function(divergence, input_signature=spec, jit_compile=True)
        for number in (2, 9):
            x, y = sample(number, 3), sample(number, 3, loc=1.0, seed=1)
            self.assertAllClose(function(x, y), divergence(x, y), rtol=1e-3, atol=1e-5)

    @parameterized.parameters(*DIVERGENCES)
    def test_finite_gradient_even_where_all_points_are_one(self, name):
        for points in (sample(8, 3), np.zeros((8, 3), np.float32)):
            x = tf.constant(points)
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = tf.reduce_sum(DIVERGENCES[name](x, tf.constant(points)))
            self.assertTrue(np.isfinite(value))
            self.assertTrue(np.isfinite(tape.gradient(value, x)).all())

    @parameterized.parameters(*DIVERGENCES)
    def test_half_precision_is_computed_in_single(self, name):
        x, y = (tf.cast(z, tf.float16) for z in (sample(8, 3), sample(8, 3, loc=1.0, seed=1)))
        value = DIVERGENCES[name](x, y)
        self.assertEqual(value.dtype, tf.float32)
        expected = DIVERGENCES[name](tf.cast(x, tf.float32), tf.cast(y, tf.float32))
        self.assertAllClose(value, expected, rtol=1e-5)

    @parameterized.parameters("aw", "mmd_imq", "mmd_rbf", "sc")
    def test_it_grows_with_the_distance_and_descends_to_the_other_sample(self, name):
        divergence, y = DIVERGENCES[name], tf.constant(sample(64, 2, seed=1))
        values = [divergence(sample(64, 2, loc=loc), y) for loc in (0.0, 0.5, 1.0, 2.0)]
        self.assertAllEqual(np.argsort(values), range(4))
        x = tf.Variable(sample(64, 2, loc=2.0))
        before = divergence(x, y)
        for _ in range(50):
            with tf.GradientTape() as tape:
                value = divergence(x, y)
            gradient = tape.gradient(value, x)
            x.assign_sub(gradient * 0.2 / (tf.norm(gradient) / 8 + 1e-6))
        self.assertLess(divergence(x, y), 0.1 * before)


if __name__ == "__main__":
    tf.test.main()
