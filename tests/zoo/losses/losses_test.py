"""Losses against numpy, scipy and scikit-image, and what every one of them must do."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy import special
from scipy import stats as scipy_stats
from skimage.metrics import structural_similarity

from zoo import losses

SHAPE = (4, 24, 22, 3)
NAMES = ("bernoulli", "gaussian", "huber", "l1", "ms_ssim", "mse", "ssim", "student_t")


def pair(shape=SHAPE, seed=0):
    """Returns targets in [0, 1] and predictions near them."""
    draws = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[1], : shape[2]]
    waves = 0.5 + 0.4 * np.sin(x / 3) * np.cos(y / 4)
    target = waves[None, :, :, None] * draws.uniform(0.5, 1, (shape[0], 1, 1, shape[3]))
    prediction = target + 0.1 * draws.normal(size=shape)
    return target.astype(np.float32), prediction.astype(np.float32)


class EveryLossTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*NAMES)
    def test_one_finite_float32_per_image_with_finite_gradient(self, name):
        target, prediction = map(tf.constant, pair())
        # A prediction that is reversed is the worst case for the powers of MS-SSIM.
        for guess in (prediction, target, -target, tf.zeros_like(target)):
            with tf.GradientTape() as tape:
                tape.watch(guess)
                value = losses.get(name)(target, guess)
            self.assertEqual(value.dtype, tf.float32)
            self.assertEqual(value.shape, (4,))
            self.assertTrue(np.isfinite(value).all())
            self.assertTrue(np.isfinite(tape.gradient(value, guess)).all())

    @parameterized.parameters(*NAMES)
    def test_compiled_at_any_batch_size(self, name):
        target, prediction = pair()
        spec = [tf.TensorSpec((None, *SHAPE[1:]))] * 2
        function = tf.function(losses.get(name), input_signature=spec, jit_compile=True)
        for number in (1, 4):
            expected = losses.get(name)(target[:number], prediction[:number])
            self.assertAllClose(
                function(target[:number], prediction[:number]), expected, rtol=1e-4, atol=1e-5
            )

    @parameterized.product(name=NAMES, dtype=(tf.float16, tf.bfloat16))
    def test_half_precision_is_summed_in_single(self, name, dtype):
        target, prediction = (tf.cast(image, dtype) for image in pair())
        value = losses.get(name)(target, prediction)
        expected = losses.get(name)(*(tf.cast(image, tf.float32) for image in (target, prediction)))
        self.assertEqual(value.dtype, tf.float32)
        self.assertAllEqual(value, expected)

    @parameterized.parameters("bernoulli", "gaussian", "huber", "l1", "mse", "student_t")
    def test_sum_is_mean_times_pixels(self, name):
        images = pair()
        total = losses.get(name, reduction="sum")(*images)
        mean = losses.get(name, reduction="mean")(*images)
        self.assertAllClose(total, mean * np.prod(SHAPE[1:]), rtol=1e-4)
        with self.assertRaisesRegex(ValueError, "reduction must be 'mean' or 'sum'; got 'max'"):
            losses.get(name, reduction="max")(*images)

    def test_unknown_names(self):
        with self.assertRaisesRegex(
            ValueError, r"'hubber' \(did you mean 'huber'\?\); there are: .*"
        ):
            losses.get("hubber")
        with self.assertRaisesRegex(ValueError, "'sigma' of loss 'huber'; it has: delta, red"):
            losses.get("huber", sigma=1)


class PixelwiseTest(tf.test.TestCase):
    def test_against_numpy_and_scipy(self):
        target, prediction = pair()
        error = (target - prediction).astype(np.float64)
        axes = (1, 2, 3)
        self.assertAllClose(losses.mse(target, prediction), np.mean(error**2, axes))
        self.assertAllClose(losses.l1(target, prediction), np.mean(np.abs(error), axes))
        expected = np.mean(special.huber(0.07, error), axes)
        self.assertAllClose(losses.huber(target, prediction, delta=0.07), expected)
        with self.assertRaisesRegex(ValueError, "delta must be positive; got 0"):
            losses.huber(target, prediction, delta=0)


class LikelihoodTest(tf.test.TestCase):
    def assert_nll(self, value, density):
        self.assertAllClose(value, -density.sum(axis=(1, 2, 3)), rtol=1e-4)

    def test_gaussian(self):
        target, loc = pair()
        scales = (0.3, np.array([0.1, 0.2, 0.3], np.float32), np.abs(target) + 0.1)
        for scale in scales:
            expected = scipy_stats.norm.logpdf(target, loc, scale)
            self.assert_nll(losses.gaussian(target, loc, scale), expected)

    def test_student_t(self):
        target, loc = pair()
        expected = scipy_stats.t.logpdf(target, 3.0, loc, 0.2)
        self.assert_nll(losses.student_t(target, loc, 0.2, 3.0), expected)

    def test_bernoulli(self):
        target, logits = pair()
        expected = target * special.log_expit(logits) + (1 - target) * special.log_expit(-logits)
        self.assert_nll(losses.bernoulli(target, logits), expected)

    def test_inverse_variance_is_gaussian_where_there_is_weight(self):
        target, loc = pair()
        weight = np.random.default_rng(1).uniform(1, 9, SHAPE).astype(np.float32)
        expected = scipy_stats.norm.logpdf(target, loc, weight**-0.5)
        self.assert_nll(losses.inverse_variance(target, loc, weight), expected)
        masked = np.random.default_rng(2).uniform(size=SHAPE) < 0.3
        target[masked], weight[masked], expected[masked] = np.nan, 0, 0
        loc = tf.constant(loc)
        with tf.GradientTape() as tape:
            tape.watch(loc)
            value = losses.inverse_variance(target, loc, weight)
        self.assert_nll(value, expected)
        gradient = tape.gradient(value, loc)
        self.assertAllEqual(gradient[masked], np.zeros(masked.sum()))
        self.assertTrue(np.isfinite(gradient).all())


class SimilarityTest(tf.test.TestCase):
    def test_ssim_against_scikit_image(self):
        target, prediction = pair()
        for max_val in (1.0, None):
            value = losses.ssim(target, prediction, max_val=max_val)
            for one, x, y in zip(value, target, prediction, strict=True):
                # scikit-image pads; inside the padding of 5 px the windows are the same.
                _, index = structural_similarity(
                    x,
                    y,
                    data_range=max_val or np.ptp(x),
                    channel_axis=-1,
                    gaussian_weights=True,
                    use_sample_covariance=False,
                    full=True,
                )
                self.assertAllClose(one, 1 - index[5:-5, 5:-5].mean(), atol=1e-5)

    def test_ssim_against_tensorflow_for_another_window(self):
        target, prediction = pair()
        settings = {"filter_size": 7, "filter_sigma": 10.0}
        expected = tf.image.ssim(target, prediction, 1.0, **settings)
        value = losses.ssim(target, prediction, max_val=1.0, **settings)
        self.assertAllClose(value, 1 - expected, atol=1e-5)

    def test_ms_ssim_against_tensorflow(self):
        weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
        for side, scales in ((24, 2), (44, 3), (45, 3), (64, 3), (176, 5)):
            target, prediction = pair((2, side, side, 2))
            expected = tf.image.ssim_multiscale(
                target, prediction, 1.0, power_factors=weights[:scales] / weights[:scales].sum()
            )
            value = losses.ms_ssim(target, prediction, max_val=1.0)
            self.assertAllClose(value, 1 - expected, atol=1e-5)

    def test_ms_ssim_leads_back_from_a_reversed_band(self):
        y, x = np.mgrid[:32, :32] - 15.5
        blob = np.exp(-0.5 * (x**2 + y**2) / 16)[None, ..., None].astype(np.float32)
        target = np.concatenate([blob, 0.5 * blob], axis=-1)
        image = tf.Variable(np.concatenate([0.9 * blob, 0.5 - 0.5 * blob], axis=-1))
        optimizer = keras.optimizers.Adam(0.02)
        step = tf.function(lambda: optimizer.apply([_gradient(target, image)], [image]))
        self.assertAllGreater(losses.ms_ssim(target, image), 0.4)
        for _ in range(300):
            step()
        self.assertAllLess(losses.ms_ssim(target, image), 0.05)

    def test_a_negative_image_is_no_match(self):
        target, _ = pair()
        for loss in (losses.ssim, losses.ms_ssim):
            self.assertAllGreater(loss(target, -target), 0.9)

    def test_nothing_is_lost_between_equal_images(self):
        for image in (pair()[0], np.zeros(SHAPE, np.float32)):
            for loss in (losses.ssim, losses.ms_ssim):
                self.assertAllClose(loss(image, image), np.zeros(4), atol=1e-6)

    def test_a_high_background_does_not_drown_the_structure(self):
        target, prediction = pair()
        high = losses.ssim(target + 1000, prediction + 1000, max_val=1e6)
        self.assertAllClose(high, np.zeros(4), atol=1e-4)
        structure = losses.ssim(target + 1000, prediction + 1000)
        expected = np.zeros(4)
        for i, (x, y) in enumerate(zip(target, prediction, strict=True)):
            # In double precision.
            _, index = structural_similarity(
                x.astype(np.float64) + 1000,
                y.astype(np.float64) + 1000,
                data_range=np.ptp(x),
                channel_axis=-1,
                gaussian_weights=True,
                use_sample_covariance=False,
                full=True,
            )
            expected[i] = 1 - index[5:-5, 5:-5].mean()
        self.assertAllClose(structure, expected, atol=1e-3)

    def test_flux_error(self):
        target, prediction = pair()
        fluxes = (each.astype(np.float64).sum(axis=(1, 2)) for each in (target, prediction))
        soft = np.full((4, 3), 7.0, np.float32)
        true, own = (np.arcsinh(flux / 14.0) for flux in fluxes)
        expected = (np.hypot(1.0, (true - own) / 0.05) - 1).sum(axis=1)
        for softening in (7.0, tf.constant(soft)):
            value = losses.flux_error(target, prediction, softening, 0.05)
            self.assertAllClose(value, expected, rtol=1e-3)
        # Far above the softening it is the relative error, far below a difference.
        bright = losses.flux_error(1e6 * target, 1.001e6 * target, 7.0, 0.1)
        self.assertAllClose(bright, np.full(4, 3 * 0.5 * 0.01**2), rtol=0.1)

    def test_an_image_smaller_than_the_window(self):
        image = np.zeros((1, 10, 30, 1), np.float32)
        for loss in (losses.ssim, losses.ms_ssim):
            with self.assertRaisesRegex(ValueError, "between 1 and .* 10 px; got 11"):
                loss(image, image)


def _gradient(target, image):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses.ms_ssim(target, image, max_val=1.0))
    return tape.gradient(loss, image)


if __name__ == "__main__":
    tf.test.main()
