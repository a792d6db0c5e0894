import numpy as np
import tensorflow as tf

from zoo.losses.centre_maps import centre_map, centre_terms


class CentreMapsTest(tf.test.TestCase):
    def test_peaks_stand_at_the_centroids_of_the_light(self):
        segmentation = np.zeros((2, 20, 16), np.int32)
        light = np.random.default_rng(0).uniform(0.5, 2, (2, 20, 16)).astype(np.float32)
        segmentation[0, 2:7, 3:6] = 2
        segmentation[0, 12:15, 9:14] = 1
        segmentation[1, 5:9, 5:9] = 3  # More than two sources: not one of them.
        light[0, 3, 4] = -5.0  # Does not count.
        rows, columns = np.mgrid[:20, :16]
        expected = np.zeros((2, 20, 16))
        for number in (1, 2):
            weights = np.maximum(light[0], 0) * (segmentation[0] == number)
            y, x = (np.average(place, weights=weights) for place in (rows, columns))
            expected[0] += np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 1.5**2))
        maps = centre_map(tf.constant(segmentation), tf.constant(light), 2, 1.5)
        self.assertAllClose(maps, np.minimum(expected, 1), atol=1e-4)

    def test_entropy_is_that_of_the_known_pixels(self):
        draws = np.random.default_rng(0)
        target, z = draws.uniform(size=(3, 4, 5)), draws.normal(size=(3, 4, 5))
        known = draws.integers(0, 2, (3, 4, 5)).astype(np.float32)
        p = 1 / (1 + np.exp(-z))
        entropy = -(target * np.log(p) + (1 - target) * np.log1p(-p))
        terms = centre_terms(tf.constant(target, tf.float32), tf.constant(z), tf.constant(known))
        self.assertEqual(terms.shape, (3,))
        self.assertAllClose(np.mean(terms), entropy[known > 0].mean(), rtol=1e-5)


if __name__ == "__main__":
    tf.test.main()
