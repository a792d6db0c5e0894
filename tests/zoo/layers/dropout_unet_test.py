import numpy as np
import tensorflow as tf

from zoo.layers.dropout_unet import DropoutUNet, bicubic_doubling


class DropoutUNetTest(tf.test.TestCase):
    def test_doubling_is_that_of_tensorflow_with_aligned_corners(self):
        images = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype(np.float32)
        matrix = bicubic_doubling(5)
        doubled = np.einsum("yi,xj,nijc->nyxc", matrix, matrix, images)
        expected = tf.raw_ops.ResizeBicubic(images=images, size=[10, 10], align_corners=True)
        # TensorFlow reads the kernel off a table of 1024 steps.
        self.assertAllClose(doubled, expected, atol=5e-3)

    def test_weights_are_those_of_the_published_network(self):
        network = DropoutUNet(40, 4, 5)
        shapes = [tuple(each.shape) for each in network.trainable_variables if each.ndim == 4]
        down = [(4, 8), (8, 8), (8, 8), (8, 8), (8, 16), (16, 16), (16, 16), (16, 16)]
        down += [(16, 32), (32, 32), (32, 32), (32, 32), (32, 16)]
        up = [(16 + 32, 8), (8, 8), (8 + 16, 16), (16, 16), (16 + 8, 32), (32, 32), (32, 5)]
        self.assertEqual(shapes, [(3, 3, *each) for each in down + up])
        self.assertEqual(network(tf.zeros((2, 40, 40, 4))).shape, (2, 40, 40, 5))

    def test_dropout_follows_its_seed(self):
        network = DropoutUNet(8, 2, 3, filters=(4,), dropout=0.5)
        windows = tf.random.stateless_normal((4, 8, 8, 2), (1, 2))
        once, again, other = (network(windows, seed=tf.constant([seed, 7])) for seed in (1, 1, 2))
        self.assertAllEqual(once, again)
        self.assertNotAllClose(once, other)
        self.assertNotAllClose(once, network(windows))


if __name__ == "__main__":
    tf.test.main()
