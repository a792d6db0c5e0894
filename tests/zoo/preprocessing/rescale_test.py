import numpy as np
import tensorflow as tf

from zoo import preprocessing


class RescaleTest(tf.test.TestCase):
    def test_black_and_white(self):
        images = np.array([0.0, 51.0, 255.0], np.float32).reshape(1, 1, 3, 1)
        self.assertAllClose(preprocessing.make("rescale")(images).numpy().ravel(), [0, 0.2, 1])

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "unit of preprocessing 'rescale' must be positive"):
            preprocessing.make({"name": "rescale", "unit": 0.0})


if __name__ == "__main__":
    tf.test.main()
