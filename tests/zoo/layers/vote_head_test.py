import numpy as np
import tensorflow as tf

from zoo.layers.vote_head import VoteHead


class VoteHeadTest(tf.test.TestCase):
    def _features(self, number=6, length=200):
        draws = np.random.default_rng(0)
        return tf.constant(draws.normal(1, 1, (number, length)), tf.float32)

    def test_passes_are_fixed_networks_the_same_for_all_images(self):
        head, x = VoteHead(200, (), 3, dropout=0.3, passes=50, seed=4), self._features()
        y = head(x)
        self.assertEqual(y.shape, (6, 50, 3))
        self.assertAllClose(head(x[2:3]), y[2:3], rtol=1e-5, atol=1e-6)
        # Each pass is linear in what it keeps, and on average keeps all.
        self.assertAllClose(head(2 * x) - head.last.bias, 2 * (y - head.last.bias), atol=1e-5)
        masks = head(tf.eye(200)) - head.last.bias
        kept = np.abs(masks[..., 0]) > 0
        # Five standard errors of the share of 10,000 draws.
        self.assertAllClose(kept.mean(), 0.7, atol=5 * np.sqrt(0.3 * 0.7 / 10_000))
        whole = tf.matmul(x, head.last.kernel)
        scale = np.sqrt(np.mean((y - whole[:, None]) ** 2) / 50)
        self.assertAllClose(tf.reduce_mean(y, axis=1), whole, atol=5 * scale)

    def test_training_draws_for_each_image_and_step(self):
        head = VoteHead(200, (5,), 3, dropout=0.5, passes=7, seed=4)
        x = tf.repeat(self._features(1), 4, axis=0)
        one, same, other = (head(x, seed=tf.constant([0, step])) for step in (1, 1, 2))
        self.assertEqual(one.shape, (4, 1, 3))
        self.assertAllEqual(one, same)
        self.assertNotAllClose(one, other)
        self.assertNotAllClose(one[0], one[1])

    def test_without_dropout_one_pass_is_enough(self):
        head, x = VoteHead(200, (5,), 3, dropout=0.0, passes=7), self._features()
        self.assertEqual(head(x).shape, (6, 1, 3))
        self.assertEqual(head.compute_output_shape((6, 200)), (6, 1, 3))
        hidden = np.maximum(x @ head.hidden[0].kernel + head.hidden[0].bias, 0)
        self.assertAllClose(head.features(x), hidden, rtol=1e-5, atol=1e-5)
        self.assertAllClose(head(x)[:, 0], head.last(hidden), rtol=1e-5, atol=1e-5)

    def test_arguments_are_checked(self):
        for changes, message in (
            ({"dropout": 1.0}, r"dropout must be in \[0, 1\); got 1.0"),
            ({"passes": 0}, "passes must be at least 1; got 0"),
            ({"units": (0,)}, r"units must be positive integers; got \[0\]"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                VoteHead(**{"inputs": 4, "units": (), "outputs": 2, **changes})


if __name__ == "__main__":
    tf.test.main()
