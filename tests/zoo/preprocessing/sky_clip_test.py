import numpy as np
import tensorflow as tf
from astropy.stats import mad_std

from zoo.preprocessing import SkyClip


class SkyClipTest(tf.test.TestCase):
    def test_what_is_above_the_sky_in_units_of_the_brightest(self):
        image = np.full((1, 8, 8, 2), 10.0, np.float32)
        image[0, :, :, 1] = 20.0
        image[0, 0, ::2] += 1.0  # Noise of the frame, whose median absolute deviation is 0.
        image[0, 4, 4] = (50.0, 30.0)
        layer = SkyClip(level=1.0, border=2)
        layer.adapt(image)
        x = layer(image).numpy()
        self.assertAllClose(x[0, 4, 4], [1.0, 0.25])
        self.assertAllClose(layer.inverse(x, like=image), image, atol=1e-4)
        self.assertAllClose(layer.inverse(x), image, atol=1e-4)

    def test_clips_at_so_many_sigma(self):
        draws = np.random.default_rng(0)
        images = draws.normal(5.0, 2.0, size=(40, 32, 32, 1)).astype(np.float32)
        images[:, 16, 16] = 500.0
        frame = np.ones((32, 32), bool)
        frame[4:-4, 4:-4] = False
        sky = np.median(images[:, frame, 0], axis=1)[:, None, None, None]
        sigma = mad_std(images[:, frame, 0], axis=1)[:, None, None, None]
        for level in (1.0, 2.0):
            light = np.where(images - sky > level * sigma, images - sky, 0)
            expected = light / light.max(axis=(1, 2, 3), keepdims=True)
            self.assertAllClose(SkyClip(level)(images), expected, rtol=1e-3, atol=1e-6)

    def test_an_empty_image(self):
        self.assertAllEqual(SkyClip()(np.full((1, 8, 8, 1), 3.0)), np.zeros((1, 8, 8, 1)))

    def test_mistakes_are_reported(self):
        with self.assertRaisesRegex(ValueError, "level of 'sky_clip' must be at least 0; got -1"):
            SkyClip(level=-1)
        with self.assertRaisesRegex(ValueError, "border of 'sky_clip' must be at least 1 px; got"):
            SkyClip(border=0)


if __name__ == "__main__":
    tf.test.main()
