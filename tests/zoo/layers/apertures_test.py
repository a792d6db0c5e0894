"""Tests of aperture photometry as a layer."""

import keras
import numpy as np
import scipy.ndimage
import tensorflow as tf

from zoo.layers.apertures import GaussianApertures
from zoo.layers.residual import residual_encoder


class GaussianAperturesTest(tf.test.TestCase):
    def test_signal_to_noise_of_a_matched_filter(self):
        # A Gaussian source of flux F and width s in unit noise: F / sqrt(4 pi s^2).
        y, x = np.mgrid[:41, :41] - 20.0
        flux, sigma = 300.0, 2.5
        source = flux * np.exp(-(x**2 + y**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        images = source[None, :, :, None].astype(np.float32)
        layer = GaussianApertures([1.0, sigma, 5.0], stretched=False)
        ratios = np.sinh(layer(images)[0])
        self.assertAllClose(ratios[1], flux / np.sqrt(4 * np.pi * sigma**2), rtol=1e-5)
        self.assertEqual(np.argmax(ratios), 1)

    def test_is_a_gaussian_filter_at_the_centre(self):
        images = np.random.default_rng(0).normal(0, 20, (2, 31, 31, 3)).astype(np.float32)
        values = np.sinh(GaussianApertures([1.5, 3.0], stretched=False)(images)).reshape(2, 3, 2)
        impulse = np.zeros((31, 31))
        impulse[15, 15] = 1
        for number, sigma in enumerate((1.5, 3.0)):
            kernel = scipy.ndimage.gaussian_filter(impulse, sigma, truncate=10)
            filtered = scipy.ndimage.gaussian_filter(
                images, (0, sigma, sigma, 0), truncate=10, mode="constant"
            )[:, 15, 15]
            expected = filtered / np.sqrt(np.sum(kernel**2))
            self.assertAllClose(values[:, :, number], expected, rtol=1e-3, atol=1e-3)

    def test_noise_has_unit_variance(self):
        noise = np.random.default_rng(1).normal(size=(4000, 15, 15, 1)).astype(np.float32)
        ratios = np.sinh(GaussianApertures([1.0, 4.0], stretched=False)(noise))
        self.assertAllClose(ratios.std(axis=0), [1.0, 1.0], atol=0.04)

    def test_undoes_the_stretch(self):
        images = np.random.default_rng(2).normal(0, 50, (3, 12, 10, 2)).astype(np.float32)
        plain = GaussianApertures([2.0], stretched=False)(images)
        self.assertAllClose(GaussianApertures([2.0])(np.arcsinh(images)), plain, atol=1e-4)

    def test_widths_are_checked(self):
        for sigmas in ([], [1.0, 0.0]):
            with self.assertRaisesRegex(ValueError, "sigmas of apertures must be positive; got"):
                GaussianApertures(sigmas)

    def test_encoder_reads_them(self):
        encoder = residual_encoder((16, 16, 2), (4, 8), 1, 5, seed=0, apertures=(1.0, 2.0))
        self.assertEqual(encoder(np.ones((3, 16, 16, 2), np.float32)).shape, (3, 5))
        again = keras.Model.from_config(encoder.get_config())
        self.assertEqual(again.get_layer("apertures").sigmas, (1.0, 2.0))


if __name__ == "__main__":
    tf.test.main()
