import numpy as np
import tensorflow as tf

from benchmarks import gpu_estimate
from benchmarks.translation.cost import Cost, costs, training_flop
from benchmarks.translation.from_tensorflow import Translator
from benchmarks.translation.fusion import fused


def translated(function, variables, *specs, peers=()):
    concrete = tf.function(function).get_concrete_function(*specs)
    return Translator(concrete, variables, [True] * len(variables), peers).graph


def operations(graph):
    return [node.operation for node in graph.nodes]


class TranslatorTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(0)
        self.kernel = tf.Variable(random.normal(size=(3, 3, 2, 4)).astype(np.float32))
        self.bias = tf.Variable(tf.ones(4))
        self.images = tf.TensorSpec((5, 8, 6, 2), tf.float32, "image")

    def network(self, images):
        x = tf.nn.bias_add(tf.nn.conv2d(images, self.kernel, 2, "SAME"), self.bias)
        return tf.reduce_mean(x * tf.sigmoid(x))

    def test_what_depends_on_shapes_alone_is_a_constant(self):
        def loss(images):
            rows = tf.shape(images)[0] * 2
            return tf.reduce_sum(tf.reshape(images, tf.stack([rows, -1])))

        graph = translated(loss, [], self.images)
        self.assertEqual(operations(graph), ["Input", "Constant", "Reshape", "Constant", "Sum"])
        self.assertAllEqual(graph.nodes[1].constant[0], [10, -1])

    def test_random_numbers_are_those_of_tensorflow(self):
        seed = tf.constant([3, 4])

        def loss(images):
            noise = tf.random.stateless_normal(
                (5,), tf.random.experimental.stateless_fold_in(seed, 7)
            )
            return tf.reduce_sum(noise * tf.reduce_sum(images, (1, 2, 3)))

        graph = translated(loss, [], self.images)
        (number,) = graph.of("Noise")
        expected = tf.random.stateless_normal(
            (5,), tf.random.experimental.stateless_fold_in(seed, 7)
        )
        self.assertAllEqual(graph.nodes[number].constant[0], expected)

    def test_functions_are_read_and_those_of_the_peer_kept(self):
        @tf.function
        def doubled(x):
            return 2.0 * x

        def loss(images):
            return tf.reduce_sum(doubled(images))

        read = translated(loss, [], self.images)
        self.assertEqual(operations(read), ["Input", "Constant", "Mul", "Constant", "Sum"])
        kept = translated(loss, [], self.images, peers=("doubled",))
        self.assertEqual(operations(kept), ["Input", "doubled", "Constant", "Sum"])

    def test_products_with_bias_and_silu_are_one_operation(self):
        graph = translated(self.network, [self.kernel, self.bias], self.images)
        self.assertIn("Sigmoid", operations(graph))
        joined = fused(graph)
        self.assertEqual(
            sorted(operations(joined)),
            ["Constant", "Conv2D", "Input", "Mean", "Weight", "Weight", "silu"],
        )
        (product,) = joined.of("Conv2D")
        self.assertLen(joined.nodes[product].inputs, 3)


class CostTest(TranslatorTest):
    def test_operations_of_a_step(self):
        graph = translated(self.network, [self.kernel, self.bias], self.images)
        forward = 2 * (5 * 4 * 3 * 4) * (3 * 3 * 2)
        # Forward and with regard to the kernel; nothing is learnt behind the images.
        self.assertEqual(training_flop(graph), 2 * forward)

        def deeper(images):
            x = tf.nn.conv2d(images, self.kernel, 2, "SAME")
            x = tf.reshape(x, (5, -1))
            return tf.reduce_sum(tf.matmul(x, x, transpose_b=True))

        graph = translated(deeper, [self.kernel], self.images)
        self.assertEqual(training_flop(graph), 2 * forward + 3 * 2 * 5 * 5 * 48)
        (product,) = [cost for cost in costs(graph) if cost.times == 3]
        self.assertEqual(product.bytes, 4 * (2 * 5 * 48 + 5 * 5))

    def test_an_operation_on_a_gpu_takes_as_long_as_what_it_needs_most(self):
        times = [
            gpu_estimate.seconds([Cost(flop, size, 2)], "A100 80 GB")
            for flop, size in ((468_000_000_000, 1), (0, 1_400_000_000), (1, 1))
        ]
        self.assertAllClose(times, [0.02, 0.002, 1e-5])
