import numpy as np
import tensorflow as tf
from scipy.special import log_softmax, logsumexp

from tests.replicas import two_replicas
from zoo.losses import contrastive


def _unit(number, length, seed):
    vectors = np.random.default_rng(seed).normal(size=(number, length))
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _nt_xent(first, second, temperature):
    """Pair by pair, as equation 1 of Chen+20 has it."""
    vectors = np.concatenate([first, second]).astype(np.float64)
    number = len(first)
    losses = np.empty(2 * number)
    for i, vector in enumerate(vectors):
        others = [k for k in range(2 * number) if k != i]
        logits = vectors[others] @ vector / temperature
        losses[i] = logsumexp(logits) - vectors[(i + number) % (2 * number)] @ vector / temperature
    return (losses[:number] + losses[number:]) / 2


def _symmetric_info_nce(first, second, temperature):
    logits = first.astype(np.float64) @ second.T / temperature
    return -np.mean([np.diag(log_softmax(logits, axis=axis)) for axis in (0, 1)], axis=0)


class ContrastiveTest(tf.test.TestCase):
    def test_nt_xent(self):
        first, second = _unit(5, 3, 0), _unit(5, 3, 1)
        loss = contrastive.nt_xent(tf.constant(first), tf.constant(second), 0.3)
        self.assertAllClose(loss, _nt_xent(first, second, 0.3), rtol=1e-5)

    def test_nt_xent_of_orthogonal_images(self):
        eye = tf.eye(4)
        # One logit of 1/T among seven, six of which are 0.
        expected = np.log(np.exp(1 / 0.5) + 6) - 1 / 0.5
        self.assertAllClose(contrastive.nt_xent(eye, eye, 0.5), np.full(4, expected), rtol=1e-5)

    def test_nt_xent_draws_views_together_and_images_apart(self):
        first, second = _unit(6, 4, 2), _unit(6, 4, 3)
        x, y = tf.Variable(first), tf.constant(second)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(contrastive.nt_xent(x, y, 0.2))
        gradient = tape.gradient(loss, x).numpy()
        step = first - 0.05 * gradient
        before, after = first @ second.T, step @ second.T
        own = np.eye(6, dtype=bool)
        self.assertAllGreater((after - before)[own], 0)
        self.assertLess((after - before)[~own].mean(), 0)
        numeric = np.zeros_like(gradient)
        for place in np.ndindex(first.shape):
            moved = [first.astype(np.float64), first.astype(np.float64)]
            moved[0][place] += 1e-5
            moved[1][place] -= 1e-5
            up, down = (_nt_xent(each, second, 0.2).mean() for each in moved)
            numeric[place] = (up - down) / 2e-5
        self.assertAllClose(gradient, numeric, atol=1e-4)

    def test_info_nce(self):
        query, key, others = _unit(4, 3, 4), _unit(4, 3, 5), _unit(7, 3, 6)
        logits = np.concatenate([np.sum(query * key, 1, keepdims=True), query @ others.T], 1) / 0.1
        expected = logsumexp(logits.astype(np.float64), axis=1) - logits[:, 0]
        loss = contrastive.info_nce(*map(tf.constant, (query, key, others)), 0.1)
        self.assertAllClose(loss, expected, rtol=1e-5)

    def test_symmetric_info_nce(self):
        first, second = _unit(5, 3, 14), _unit(5, 3, 15)
        loss = contrastive.symmetric_info_nce(tf.constant(first), tf.constant(second), 0.3)
        self.assertAllClose(loss, _symmetric_info_nce(first, second, 0.3), rtol=1e-5)

    def test_negative_cosine_is_a_squared_distance(self):
        one, two = _unit(4, 3, 7), _unit(4, 3, 8)
        expected = np.sum((one - two) ** 2, axis=1)
        self.assertAllClose(contrastive.negative_cosine(one, two), expected, rtol=1e-5)
        self.assertAllClose(contrastive.alignment(one, two), expected, rtol=1e-5)

    def test_uniformity(self):
        vectors = _unit(6, 3, 9)
        pairs = [
            np.exp(-2 * np.sum((vectors[i] - vectors[j]) ** 2)) for i in range(6) for j in range(i)
        ]
        self.assertAllClose(contrastive.uniformity(vectors), np.log(np.mean(pairs)), rtol=1e-4)
        self.assertAllClose(contrastive.uniformity(vectors[:1].repeat(4, 0)), 0.0, atol=1e-5)
        many = contrastive.uniformity(_unit(500, 300, 10))
        self.assertAllClose(many, -4.0, atol=0.05)
        self.assertTrue(np.isfinite(contrastive.uniformity(vectors[:1])))

    def test_spread(self):
        vectors = _unit(500, 300, 11)
        expected = np.sqrt(np.sum(vectors.var(axis=0)))
        self.assertAllClose(contrastive.spread(vectors), expected, rtol=1e-5)
        self.assertAllClose(contrastive.spread(vectors[:1].repeat(4, 0)), 0.0, atol=1e-3)

    def test_two_replicas_have_the_negatives_of_both(self):
        first, second = _unit(6, 3, 12), _unit(6, 3, 13)
        strategy = two_replicas()
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: tuple(
                tf.split(x, 2)[context.replica_id_in_sync_group] for x in (first, second)
            )
        )

        @tf.function
        def step(shares):
            def on_replica(one, two):
                return (
                    contrastive.nt_xent(one, two, 0.3),
                    contrastive.symmetric_info_nce(one, two, 0.3),
                    contrastive.uniformity(one),
                )

            return strategy.run(on_replica, args=shares)

        loss, symmetric, uniformity = map(strategy.experimental_local_results, step(shares))
        self.assertAllClose(np.concatenate(loss), _nt_xent(first, second, 0.3), rtol=1e-5)
        expected = _symmetric_info_nce(first, second, 0.3)
        self.assertAllClose(np.concatenate(symmetric), expected, rtol=1e-5)
        for each in uniformity:
            self.assertAllClose(each, contrastive.uniformity(first), rtol=1e-5)


if __name__ == "__main__":
    tf.test.main()
