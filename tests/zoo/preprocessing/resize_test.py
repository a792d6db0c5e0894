import numpy as np
import tensorflow as tf

from zoo.preprocessing import Resize


class ResizeTest(tf.test.TestCase):
    def test_is_that_of_tensorflow(self):
        images = np.random.default_rng(0).normal(size=(2, 21, 14, 3)).astype(np.float32)
        for size in ((9, 9), (40, 5), (21, 30)):
            layer = Resize(*size)
            layer.build((None, 21, 14, 3))
            expected = tf.image.resize(images, size, antialias=True)
            self.assertAllClose(layer(images), expected, atol=1e-5)

    def test_means_of_blocks(self):
        layer = Resize(4)
        layer.build((None, 8, 8, 1))
        constant = np.full((1, 8, 8, 1), 3.0, np.float32)
        self.assertAllClose(layer(constant), np.full((1, 4, 4, 1), 3.0))
        self.assertAllClose(layer.inverse(layer(constant)), constant)

    def test_sizes_are_checked(self):
        with self.assertRaisesRegex(ValueError, "at least 1 px; got 0 and 0"):
            Resize(0)


if __name__ == "__main__":
    tf.test.main()
