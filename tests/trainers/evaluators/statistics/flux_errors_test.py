import numpy as np
import tensorflow as tf
from astropy import stats as astropy_stats
from scipy import stats

from trainers.evaluators.statistics.flux_errors import (
    FluxErrors,
    binned,
    bootstrap,
    colour_error,
    magnitude_error,
    robust_scatter,
)


class FluxErrorsTest(tf.test.TestCase):
    def test_statistics_are_those_of_numpy_and_astropy(self):
        draws = np.random.default_rng(0)
        true = draws.uniform(10, 100, 500)
        error = draws.normal(0.02, 0.1, 500)
        error[:5] = 1.0
        flux = true * 10 ** (-0.4 * error)
        errors = FluxErrors.of(flux, true)
        self.assertEqual(errors.number, 500)
        self.assertAllClose(errors.mean, error.mean())
        self.assertAllClose(errors.median, np.median(error))
        self.assertAllClose(errors.scatter, error.std())
        self.assertAllClose(errors.robust_scatter, astropy_stats.mad_std(error), rtol=1e-4)
        self.assertAllClose(errors.relative, np.median(np.abs(10 ** (-0.4 * error) - 1)))
        self.assertAllClose(errors.far_off, 5 / 500)

    def test_failures_are_left_out_and_negative_fluxes_are_far_off(self):
        errors = FluxErrors.of(np.array([1.0, 2.0, -1.0, np.nan]), np.array([1.0, 2.0, 1.0, 1.0]))
        self.assertEqual((errors.number, errors.scatter), (3, 0.0))
        self.assertAllClose(errors.far_off, 1 / 3)
        with self.assertRaisesRegex(ValueError, "at least two positive values; got 1"):
            FluxErrors.of(np.array([1.0, -1.0]), np.ones(2))

    def test_colours(self):
        true = np.array([[10.0, 20.0], [5.0, 5.0], [1.0, 1.0]])
        flux = true * np.array([[1.0, 1.1], [1.2, 1.2], [-1.0, 1.0]])
        errors = colour_error(flux, true, 0, 1)
        self.assertAllClose(errors[:2], [2.5 * np.log10(1.1), 0.0])
        self.assertTrue(np.isnan(errors[2]))
        self.assertAllClose(magnitude_error(flux, true)[1], np.full(2, -2.5 * np.log10(1.2)))

    def test_interval_is_that_of_scipy(self):
        draws = np.random.default_rng(1)
        values = draws.normal(size=200)
        interval = bootstrap(np.median, values, draws, resamples=4000)
        expected = stats.bootstrap(
            (values,), np.median, n_resamples=4000, method="percentile", rng=2
        ).confidence_interval
        self.assertEqual(interval.value, np.median(values))
        self.assertAllClose([interval.low, interval.high], [*expected], atol=0.03)

    def test_bins_hold_their_lower_edge_and_what_is_finite(self):
        place = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 0.2])
        values = np.array([1.0, 3.0, 10.0, 20.0, 30.0, 99.0, np.nan])
        edges, draws = np.array([0.0, 1.0, 2.0]), np.random.default_rng(0)
        first, last = binned(np.mean, values, place, edges, draws, fewest=2)
        self.assertAllClose([first.value, last.value], [2.0, 20.0])
        self.assertEqual(binned(np.mean, values, place, edges, draws, fewest=3)[0], None)
        self.assertAllClose(robust_scatter(np.array([1.0, 2.0, 3.0])), 1.4826, rtol=1e-4)


if __name__ == "__main__":
    tf.test.main()
