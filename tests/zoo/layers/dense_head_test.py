import keras
import numpy as np
import tensorflow as tf

from zoo.layers.dense_head import DenseHead


class DenseHeadTest(tf.test.TestCase):
    def head(self, **changes):
        return DenseHead(5, (4, 3), ("linear", "relu"), 2, **{"seed": 1, **changes})

    def test_is_the_product_of_its_matrices(self):
        head = self.head()
        for variable in head.weights:
            variable.assign(np.random.default_rng(0).normal(size=variable.shape))
        w1, b1, w2, b2, w3, b3 = head.get_weights()
        x = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
        self.assertAllClose(head(x), np.maximum((x @ w1 + b1) @ w2 + b2, 0) @ w3 + b3, rtol=1e-4)

    def test_dropout_keeps_the_mean_and_follows_from_its_seed(self):
        head = DenseHead(1, (4000,), ("linear",), 1, dropout=0.25)
        head.set_weights([np.ones((1, 4000)), np.zeros(4000), np.ones((4000, 1)), np.zeros(1)])
        x = np.ones((1, 1), np.float32)
        dropped = head(x, seed=tf.constant([1, 2]))
        # 4000 of standard deviation sqrt(1 / 0.75 - 1): five sigma, one failure in 2 million.
        self.assertAllClose(dropped / 4000, x, atol=5 * np.sqrt((1 / 0.75 - 1) / 4000))
        self.assertNotAllEqual(dropped, head(x))
        self.assertAllEqual(dropped, head(x, seed=tf.constant([1, 2])))
        self.assertAllEqual(head(x), 4000 * x)

    def test_configuration_makes_the_same_layer(self):
        head = self.head(dropout=0.2)
        again = DenseHead.from_config(head.get_config())
        for one, two in zip(head.weights, again.weights, strict=True):
            self.assertAllEqual(one, two)
        self.assertEqual(again.get_config(), head.get_config())

    def test_half_precision_ends_in_float32(self):
        self.addCleanup(keras.config.set_dtype_policy, keras.config.dtype_policy())
        keras.config.set_dtype_policy("mixed_bfloat16")
        head = self.head(dropout=0.2)
        self.assertEqual(head(np.ones((2, 5)), seed=tf.constant([0, 0])).dtype, tf.float32)

    def test_bad_arguments(self):
        with self.assertRaisesRegex(ValueError, "dropout .* got 1"):
            self.head(dropout=1)
        with self.assertRaisesRegex(ValueError, "activations must be one for each"):
            DenseHead(5, (4,), ("linear", "relu"), 2)


if __name__ == "__main__":
    tf.test.main()
