"""UMAP, where the extra `umap` is installed; conftest.py leaves this file out elsewhere."""

import numpy as np
import tensorflow as tf
from sklearn.manifold import trustworthiness

from trainers.evaluators.statistics import embedding


class UMAPTest(tf.test.TestCase):
    def test_neighbours_stay_neighbours(self):
        generator = np.random.default_rng(0)
        points = np.concatenate([generator.normal(9 * k, 1, (60, 5)) for k in range(3)])
        plane = embedding.umap(points, 0)
        self.assertGreater(trustworthiness(points, plane, n_neighbors=10), 0.85)
        with self.assertRaisesRegex(ValueError, "must vary"):
            embedding.umap(np.ones((20, 3)), 0)
