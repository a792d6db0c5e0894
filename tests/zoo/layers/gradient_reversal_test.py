import tensorflow as tf

from zoo.layers.gradient_reversal import reverse_gradient


class GradientReversalTest(tf.test.TestCase):
    def test_identity_with_the_opposite_gradient(self):
        x = tf.constant([1.0, -2.0])
        for factor in (1.0, 0.3, 0.0):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = reverse_gradient(x, factor)
                value = tf.reduce_sum(y**2)
            self.assertAllEqual(y, x)
            self.assertAllClose(tape.gradient(value, x), -factor * 2 * x)

    def test_compiled(self):
        @tf.function(jit_compile=True)
        def gradient(x, factor):
            return tf.gradients(reverse_gradient(x, factor) ** 2, x)[0]

        self.assertAllClose(gradient(tf.constant(3.0), tf.constant(0.5)), -3.0)


if __name__ == "__main__":
    tf.test.main()
