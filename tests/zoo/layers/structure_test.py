import numpy as np
import tensorflow as tf

from zoo.layers.structure import RandomStructure


class RandomStructureTest(tf.test.TestCase):
    def test_the_fields_have_unit_variance_and_the_width_of_the_gaussian(self):
        layer = RandomStructure(relative=0.0, noise=1.0, scale=1.5)
        fields = layer(tf.zeros((400, 24, 24, 2)), tf.constant([3, 4])).numpy()
        # The mean of u^2 is 1/3. 400 x 24 x 24 x 2 pixels in patches of 4 pi 1.5^2 of them, and
        # 400 draws of u: 5 sigma of the latter, whose u^2 has a standard deviation of 0.3.
        self.assertAllClose(np.mean(fields**2), 1 / 3, atol=5 * 0.3 / 20)
        self.assertAllClose(np.mean(fields), 0, atol=0.02)
        # The autocorrelation of noise behind a Gaussian filter is exp(-r^2 / 4 scale^2).
        for step in (1, 2, 4):
            correlation = np.mean(fields[:, step:] * fields[:, :-step]) / np.mean(fields**2)
            self.assertAllClose(correlation, np.exp(-(step**2) / (4 * 1.5**2)), atol=0.03)
        bands = np.mean(fields[..., 0] * fields[..., 1]) / np.mean(fields**2)
        self.assertAllClose(bands, 0, atol=0.03)

    def test_modulation_leaves_the_sky_alone(self):
        images = np.zeros((5, 12, 12, 1), np.float32)
        images[:, 4:8, 4:8] = 10
        layer = RandomStructure(relative=0.2, noise=0.0)
        x = layer(images, tf.constant([3, 4]))
        self.assertAllEqual(x[images == 0], images[images == 0])
        self.assertNotAllClose(x, images)
        self.assertAllEqual(x, layer(images, tf.constant([3, 4])))
        self.assertAllInRange(x[images > 0], 0, 20)

    def test_none(self):
        images = np.ones((2, 8, 8, 1), np.float32)
        self.assertAllEqual(RandomStructure(0.0, 0.0)(images, tf.constant([1, 2])), images)

    def test_bad_arguments(self):
        for changes, message in (
            ({"relative": -1}, "relative .* at least 0; got -1"),
            ({"noise": -1}, "noise .* at least 0; got -1"),
            ({"scale": 0}, "scale .* positive; got 0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                RandomStructure(**{"relative": 0.1, "noise": 0.1, **changes})


if __name__ == "__main__":
    tf.test.main()
