import numpy as np
import tensorflow as tf

from tests.replicas import two_replicas
from zoo import randomness
from zoo.losses import wasserstein

_SEED = (3, 4)


class WassersteinTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(0)
        self.real, self.drawn = draws.normal(size=(2, 6, 4, 3, 2)).astype(np.float32)

    def test_slope_of_a_linear_critic_is_the_norm_of_its_weights(self):
        weights = np.random.default_rng(1).normal(size=(4, 3, 2)).astype(np.float32)
        slope = wasserstein.slopes(
            lambda x: tf.tensordot(x, weights, 3), self.real, self.drawn, _SEED
        )
        self.assertAllClose(slope, np.full(6, np.linalg.norm(weights)))

    def test_slopes_are_those_between_each_pair(self):
        # The gradient of |x|^2 / 2 is x itself.
        slope = wasserstein.slopes(
            lambda x: 0.5 * tf.reduce_sum(x**2, axis=(1, 2, 3)), self.real, self.drawn, _SEED
        )
        share = randomness.uniform(6, (1, 1, 1), _SEED).numpy()
        self.assertLen(np.unique(share), 6)
        between = share * self.drawn + (1 - share) * self.real
        self.assertAllClose(slope, np.linalg.norm(between.reshape(6, -1), axis=1))

    def test_a_flat_critic_has_a_penalty_with_a_finite_gradient(self):
        scale = tf.Variable(0.0)
        with tf.GradientTape() as tape:
            slope = wasserstein.slopes(
                lambda x: scale * tf.reduce_sum(x, axis=(1, 2, 3)), self.real, self.drawn, _SEED
            )
            penalty = tf.reduce_mean((slope - 1) ** 2)
        self.assertAllClose(penalty, 1.0, atol=1e-5)
        self.assertTrue(np.isfinite(tape.gradient(penalty, scale)))

    def test_diversity(self):
        scatter = [images.var(axis=0).sum() for images in (self.drawn, self.real)]
        expected = np.sqrt(scatter[0] / scatter[1])
        self.assertAllClose(wasserstein.diversity(self.drawn, self.real), expected)
        same = np.repeat(self.drawn[:1], 6, axis=0)
        self.assertAllClose(wasserstein.diversity(same, self.real), 0.0)

    def test_diversity_is_that_of_all_replicas(self):
        strategy = two_replicas()
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: tuple(
                np.split(images, 2)[context.replica_id_in_sync_group]
                for images in (self.drawn, self.real)
            )
        )
        values = tf.function(lambda: strategy.run(wasserstein.diversity, args=shares))()
        whole = wasserstein.diversity(self.drawn, self.real)
        for value in strategy.experimental_local_results(values):
            self.assertAllClose(value, whole)


if __name__ == "__main__":
    tf.test.main()
