import tensorflow as tf

from benchmarks import flop
from zoo.layers import vgg


class FlopTest(tf.test.TestCase):
    def test_vgg16_has_the_published_number(self):
        # 15.3 G multiplications and additions at 224 x 224 without the dense layers.
        network = vgg.vgg16((224, 224, 3), ["block5_pool"], seed=0)
        one = tf.TensorSpec((1, 224, 224, 3))
        forward = tf.function(network).get_concrete_function(one)
        self.assertEqual(flop.of(forward), 2 * 15_346_630_656)

    def test_a_training_step_has_the_products_of_its_gradients(self):
        kernel = tf.Variable(tf.ones((3, 3, 2, 4)))

        @tf.function
        def step(images):
            with tf.GradientTape() as tape:
                # Something is learnt behind the images too.
                x = tf.nn.conv2d(kernel[0, 0, 0, 0] * images, kernel, 2, "SAME")
                x = tf.reshape(x, (5, -1))
                loss = tf.reduce_sum(tf.matmul(x, x, transpose_b=True))
            return loss, tape.gradient(loss, kernel)

        convolution = 2 * (5 * 4 * 3 * 4) * (3 * 3 * 2)
        product = 2 * 5 * 5 * 48
        concrete = step.get_concrete_function(tf.TensorSpec((5, 8, 6, 2)))
        self.assertEqual(flop.of(concrete), 3 * (convolution + product))

    def test_a_gradient_that_nobody_needs_does_not_count(self):
        kernel = tf.Variable(tf.ones((3, 3, 2, 4)))

        @tf.function
        def step(images):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.nn.conv2d(images, kernel, 2, "SAME"))
            return loss, tape.gradient(loss, kernel)

        concrete = step.get_concrete_function(tf.TensorSpec((5, 8, 6, 2)))
        self.assertEqual(flop.of(concrete), 2 * (2 * (5 * 4 * 3 * 4) * (3 * 3 * 2)))
