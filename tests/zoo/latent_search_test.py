import keras
import numpy as np
import tensorflow as tf

from zoo import latent_search

_TARGET = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def _misfit(z):
    return tf.reduce_sum(tf.abs(z - _TARGET[: len(z)]) ** 1.5, axis=-1)


def _by_keras(start, row, steps, rate):
    """The least on the way of Keras's Adam, for one row."""
    z = tf.Variable(start[row])
    optimizer = keras.optimizers.Adam(rate, 0.4, 0.9, epsilon=1e-8)
    best, least = z.numpy(), np.inf
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(tf.abs(z - _TARGET[row]) ** 1.5)
        if value < least:
            best, least = z.numpy(), value
        optimizer.apply([tape.gradient(value, z)], [z])
    return best


class LatentSearchTest(tf.test.TestCase):
    def test_is_adam_row_by_row(self):
        start = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
        for steps, rate in ((1, 0.1), (10, 0.1), (12, 2.0)):
            z = latent_search.search(tf.constant(start), _misfit, steps, rate)
            expected = [_by_keras(start, row, steps, rate) for row in range(4)]
            self.assertAllClose(z, expected, rtol=1e-4, atol=1e-5)
        self.assertAllEqual(latent_search.search(tf.constant(start), _misfit, 1), start)

    def test_never_worse_than_the_guess(self):
        start = tf.constant(_TARGET)
        self.assertAllEqual(latent_search.search(start, _misfit, 5), start)

    def test_finds_the_least(self):
        z = latent_search.search(tf.zeros((4, 3)), _misfit, 200, rate=0.02)
        self.assertAllClose(z, _TARGET, atol=0.05)

    def test_a_misfit_that_becomes_infinite_changes_nothing(self):
        def misfit(z):
            return tf.where(z[:, 0] > 0.05, np.nan, -tf.reduce_sum(z, axis=-1))

        z = latent_search.search(tf.zeros((2, 3)), misfit, 5)
        self.assertAllEqual(z, tf.zeros((2, 3)))


if __name__ == "__main__":
    tf.test.main()
