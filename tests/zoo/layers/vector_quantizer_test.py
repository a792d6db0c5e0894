import numpy as np
import tensorflow as tf
from scipy.stats import entropy

from zoo.layers.vector_quantizer import VectorQuantizer, perplexity


class VectorQuantizerTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.z = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)

    def test_the_nearest_code(self):
        layer = VectorQuantizer(5, 3, seed=1)
        codes = layer(self.z)
        distance = np.square(self.z[..., None, :] - layer.book.numpy()).sum(axis=-1)
        self.assertAllEqual(codes, distance.argmin(axis=-1))
        self.assertAllClose(layer.vectors(codes), layer.book.numpy()[codes])

    def test_gradients(self):
        """Straight through to the vectors; to the codes by the losses alone."""
        layer = VectorQuantizer(5, 3, decay=0.0, commitment=0.25)
        z = tf.constant(self.z)
        codes = layer(z)
        slope = np.random.default_rng(1).normal(size=z.shape).astype(np.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(z)
            vectors, losses = layer.quantized(z, codes)
            drawn, lost = tf.reduce_sum(slope * vectors), tf.reduce_sum(losses)
        e = layer.book.numpy()[codes]
        self.assertAllClose(vectors, e, atol=1e-6)
        self.assertAllClose(losses, 1.25 * np.square(self.z - e).mean(axis=(1, 2)))
        self.assertAllClose(tape.gradient(drawn, z), slope)
        self.assertIsNone(tape.gradient(drawn, layer.book.value))
        self.assertAllClose(tape.gradient(lost, z), 0.25 * 2 * (self.z - e) / 12)
        expected = np.zeros((5, 3))
        np.add.at(expected, codes.numpy(), 2 * (e - self.z) / 12)
        self.assertAllClose(tape.gradient(lost, layer.book.value), expected, atol=1e-6)

    def test_moving_averages(self):
        layer = VectorQuantizer(3, 3, decay=0.8)
        layer.adapt(self.z.reshape(-1, 3))
        counts, sums = np.ones(3), layer.book.numpy()
        for step in range(3):
            codes = layer(self.z).numpy()
            for code in range(3):
                counts[code] = 0.8 * counts[code] + 0.2 * (codes == code).sum()
                sums[code] = 0.8 * sums[code] + 0.2 * self.z[codes == code].sum(axis=0)
            layer.follow(tf.constant(self.z), tf.constant(codes), tf.constant([0, step]))
            self.assertAllClose(layer.book, sums / counts[:, None], rtol=1e-4, atol=1e-6)
        self.assertEmpty(layer.trainable_variables)

    def test_a_dead_code_starts_again_at_a_vector(self):
        layer = VectorQuantizer(4, 3, decay=0.5)
        book = layer.book.numpy()
        book[2] = 1e3
        layer.book.assign(book)
        layer.counts.assign([8.0, 8.0, 0.01, 8.0])
        layer.follow(tf.constant(self.z), layer(self.z), tf.constant([1, 2]))
        again = layer.book.numpy()[2]
        nearest = np.abs(self.z.reshape(-1, 3) - again).max(axis=1).min()
        self.assertLess(nearest, 1e-4)
        self.assertGreater(layer.counts.numpy()[2], 1.0)

    def test_start_from_fewer_vectors_than_codes(self):
        layer = VectorQuantizer(6, 3)
        layer.adapt(np.ones((2, 3)))
        self.assertAllClose(layer.book, np.ones((6, 3)), atol=1e-2)

    def test_perplexity(self):
        codes = np.random.default_rng(2).integers(4, size=(5, 6)).astype(np.int32)
        share = np.bincount(codes.ravel(), minlength=7) / codes.size
        self.assertAllClose(perplexity(tf.constant(codes), 7), np.exp(entropy(share)))
        self.assertAllClose(perplexity(tf.zeros((5, 6), tf.int32), 7), 1.0)

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"codes": 1}, "codes must be at least 2 and length at least 1; got 1 and 3"),
            ({"decay": 1.0}, r"decay must be in \[0, 1\); got 1.0"),
            ({"commitment": -1.0}, "commitment must be at least 0; got -1.0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                VectorQuantizer(**{"codes": 4, "length": 3, **options})


if __name__ == "__main__":
    tf.test.main()
