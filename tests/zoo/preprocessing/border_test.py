import numpy as np
import tensorflow as tf

from zoo.common_operations import common_operations
from zoo.preprocessing.border import MAD_TO_SIGMA, background_and_noise, border_pixels


class BorderTest(tf.test.TestCase):
    def check(self, images):
        pixels = border_pixels(9, 8, 2)
        frame = images.reshape(len(images), 72, -1)[:, pixels]
        median = np.median(frame, axis=1, keepdims=True)
        deviation = np.median(np.abs(frame - median), axis=1)
        for jit in (False, True):
            statistics = tf.function(background_and_noise, jit_compile=jit)(images, pixels)
            self.assertAllEqual(statistics[0][:, 0], median)
            self.assertAllClose(statistics[1][:, 0, 0], MAD_TO_SIGMA * deviation, rtol=1e-6)
        with common_operations():
            sorted_values = background_and_noise(images, pixels)
        for value, expected in zip(sorted_values, statistics, strict=True):
            self.assertAllEqual(value, expected)

    def test_median_and_its_deviation_as_numpy_has_them(self):
        random = np.random.default_rng(0)
        images = random.standard_normal((20, 9, 8, 2)).astype(np.float32)
        images[3, :2] = 1e20
        images[4, :2] = -1e-30
        self.check(images)

    def test_values_that_are_equal(self):
        random = np.random.default_rng(0)
        self.check(random.integers(-1, 2, (50, 9, 8, 1)).astype(np.float32))
        self.check(np.full((2, 9, 8, 1), -0.0, np.float32))
