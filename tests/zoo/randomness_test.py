import numpy as np
import tensorflow as tf
from scipy import stats

from tests.replicas import two_replicas
from zoo import randomness


class RandomnessTest(tf.test.TestCase):
    def test_numbers_follow_from_seed_step_and_purpose(self):
        def draw(seed, step, purpose):
            key = randomness.step_seed(seed, tf.constant(step), purpose)
            return randomness.normal(tf.constant(4), (3,), key).numpy()

        self.assertAllEqual(draw(1, 2, 3), draw(1, 2, 3))
        draws = [draw(*key) for key in ((1, 2, 3), (2, 1, 3), (1, 2, 0), (1, 3, 3), (0, 2, 3))]
        for i, first in enumerate(draws):
            for second in draws[:i]:
                self.assertNotAllClose(first, second)

    def test_distributions(self):
        # One in a million correct generators would fail each of these, if seeds were random.
        seed = randomness.step_seed(0, tf.constant(0))
        number = tf.constant(2000)
        normal = randomness.normal(number, (5,), seed).numpy().ravel()
        self.assertGreater(stats.kstest(normal, stats.norm.cdf).pvalue, 1e-6)
        uniform = randomness.uniform(number, (5,), seed).numpy().ravel()
        self.assertGreater(stats.kstest(uniform, stats.uniform.cdf).pvalue, 1e-6)

    def test_replicas_draw_their_rows_of_what_one_device_draws(self):
        strategy = two_replicas()
        seed = randomness.step_seed(0, tf.constant(7))

        for draw in (randomness.normal, randomness.uniform):

            @tf.function
            def rows(draw=draw):
                return strategy.run(lambda: draw(tf.constant(3), (2, 2), seed))

            shares = strategy.experimental_local_results(rows())
            alone = draw(tf.constant(6), (2, 2), seed)
            self.assertAllClose(np.concatenate(shares), alone, rtol=0, atol=0)

    def test_replica_count_outside_a_strategy_is_one(self):
        self.assertEqual(randomness.replica_count(), 1)
