import numpy as np
import tensorflow as tf
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score

from zoo.layers.ordered_clusters import OrderedClusters


class OrderedClustersTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(0)
        self.vectors = draws.normal(size=(3000, 4)).astype(np.float32)
        self.brightness = self.vectors[:, 0] + draws.normal(size=3000)

    def test_assignment_is_that_of_scikit_learn(self):
        layer = OrderedClusters(6, inputs=4)
        layer.adapt(self.vectors, self.brightness, seed=3)
        own = layer(self.vectors).numpy()
        kmeans = MiniBatchKMeans(6, batch_size=4096, n_init=5, random_state=3).fit(self.vectors)
        # The same partition, in another order.
        self.assertEqual(adjusted_rand_score(kmeans.predict(self.vectors), own), 1.0)
        other = np.random.default_rng(1).normal(size=(50, 7, 4)).astype(np.float32)
        of_others = kmeans.predict(other.reshape(-1, 4)).reshape(50, 7)
        self.assertEqual(adjusted_rand_score(of_others.ravel(), layer(other).numpy().ravel()), 1.0)

    def test_clusters_are_numbered_by_brightness(self):
        layer = OrderedClusters(5, inputs=4)
        layer.adapt(self.vectors, self.brightness, seed=0)
        own = layer(self.vectors).numpy()
        means = [self.brightness[own == number].mean() for number in range(5)]
        self.assertAllEqual(np.argsort(means), range(5))
        self.assertAllClose(layer.brightness, means, rtol=1e-4, atol=1e-4)
        self.assertAllClose(layer.shares, np.bincount(own) / 3000)

    def test_sky_first(self):
        vectors = self.vectors + 6 * (np.arange(3000) % 10 == 0)[:, None]
        brightness = vectors.sum(axis=1)
        layer = OrderedClusters(4, inputs=4, sky_first=True)
        layer.adapt(vectors, brightness, seed=1)
        own = layer(vectors).numpy()
        self.assertAllEqual(own > 0, np.arange(3000) % 10 == 0)
        self.assertAllClose(layer.shares[0], 0.9)
        # The rest is divided as if it were alone, and numbered by brightness.
        rest = vectors[own > 0]
        kmeans = MiniBatchKMeans(3, batch_size=4096, n_init=5, random_state=1).fit(rest)
        self.assertEqual(adjusted_rand_score(kmeans.labels_, own[own > 0]), 1.0)
        self.assertAllGreater(np.diff(layer.brightness), 0)

    def test_fewer_than_two_clusters(self):
        with self.assertRaisesRegex(ValueError, "clusters must be at least 2; got 1"):
            OrderedClusters(1, inputs=4)


if __name__ == "__main__":
    tf.test.main()
