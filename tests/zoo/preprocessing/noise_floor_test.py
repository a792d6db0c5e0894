import numpy as np
import tensorflow as tf

from zoo.preprocessing import BackgroundNoiseNormalization

IMAGES = np.random.default_rng(0).normal(5.0, 2.0, (6, 16, 16, 2)).astype(np.float32)


class NoiseFloorTest(tf.test.TestCase):
    def test_pixels_in_small_units_are_refused_and_not_hidden(self):
        maggies = 1e-9 * IMAGES
        with self.assertRaisesRegex(
            ValueError, "must be below the noise of the images, 1.9e-09 in"
        ):
            BackgroundNoiseNormalization().adapt(maggies)
        layer, plain = BackgroundNoiseNormalization(floor=1e-12), BackgroundNoiseNormalization()
        layer.adapt(maggies)
        plain.adapt(IMAGES)
        self.assertAllClose(layer(maggies), plain(IMAGES), rtol=1e-3, atol=1e-3)
