import numpy as np
import tensorflow as tf
from scipy import stats

from trainers.evaluators.statistics import embedding


class EmbeddingTest(tf.test.TestCase):
    def _arc(self):
        angle = np.random.default_rng(0).uniform(0, 1.5 * np.pi, 300)
        return angle, np.stack([np.cos(angle), np.sin(angle), np.zeros(300)], axis=1)

    def test_the_coordinate_follows_an_arc_at_any_scale(self):
        angle, points = self._arc()
        for scale in (1e-5, 1.0, 1e5):
            for coordinate in (
                embedding.isomap(scale * points),
                embedding.tsne(scale * points, 1, seed=0)[:, 0],
            ):
                self.assertGreater(abs(stats.spearmanr(coordinate, angle).statistic), 0.95)

    def test_clusters_stay_apart_in_the_plane(self):
        label = np.repeat([0, 1], 60)
        points = np.random.default_rng(1).normal(size=(120, 5)) + 20 * label[:, None]
        plane = embedding.tsne(points, 2, seed=0)
        centres = np.stack([plane[label == value].mean(axis=0) for value in (0, 1)])
        nearest = np.linalg.norm(plane[:, None] - centres, axis=-1).argmin(axis=1)
        self.assertAllEqual(nearest, label)

    def test_one_latent_and_repeated_points(self):
        line = np.linspace(0, 1, 50)[:, None]
        self.assertEqual(embedding.tsne(line, 2, seed=0).shape, (50, 2))
        self.assertTrue(np.isfinite(embedding.tsne(np.repeat(line, 4, axis=0), 1, seed=0)).all())

    def test_points_that_do_not_vary_are_refused(self):
        for points in (np.zeros((50, 3)), np.full((50, 3), 7.0)):
            for embed in (embedding.isomap, lambda x: embedding.tsne(x, 2, seed=0)):
                with self.assertRaisesRegex(ValueError, "must vary; got 50"):
                    embed(points)
