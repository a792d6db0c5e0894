import numpy as np
import tensorflow as tf
from sklearn.preprocessing import StandardScaler

from zoo import preprocessing


class StandardizationTest(tf.test.TestCase):
    def test_it_is_that_of_scikit_learn_over_all_pixels(self):
        images = np.random.default_rng(0).gamma(2, 20, (5, 8, 6, 3)).astype(np.float32)
        layer = preprocessing.make("standardize")
        layer.adapt(images)
        expected = StandardScaler().fit_transform(images.reshape(-1, 3)).reshape(images.shape)
        self.assertAllClose(layer(images), expected, atol=1e-5)

    def test_a_constant_band_is_not_scaled(self):
        layer = preprocessing.make("standardize")
        layer.adapt(np.full((2, 4, 4, 1), 7.0, np.float32))
        self.assertAllClose(layer(np.full((1, 4, 4, 1), 9.0)), np.full((1, 4, 4, 1), 2.0))


if __name__ == "__main__":
    tf.test.main()
