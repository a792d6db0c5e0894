import itertools

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_score

from zoo.losses import medoids


def _reference(codes):
    distance = cdist(codes, codes, "hamming")
    pairs = itertools.combinations(range(len(codes)), 2)
    first, second = min(pairs, key=lambda ij: np.minimum(*distance[list(ij)]).sum())
    labels = (distance[second] < distance[first]).astype(int)
    return silhouette_score(distance, labels, metric="precomputed")


class TwoMedoidsSilhouetteTest(tf.test.TestCase):
    def test_against_scikit_learn(self):
        draws = np.random.default_rng(0)
        for number in (3, 9, 30):
            codes = draws.integers(4, size=(number, 7))
            actual = medoids.two_medoids_silhouette(tf.constant(codes, tf.int32))
            self.assertAllClose(actual, _reference(codes), atol=1e-6)

    def test_two_groups_that_differ_everywhere(self):
        codes = tf.constant([[0, 1, 2]] * 3 + [[3, 3, 3]] * 4)
        self.assertAllClose(medoids.two_medoids_silhouette(codes), 1.0)

    def test_nothing_to_divide(self):
        for codes in ([[1, 2]], [[1, 2]] * 5, [[1, 2], [3, 4]]):
            self.assertAllClose(medoids.two_medoids_silhouette(tf.constant(codes)), 0.0)

    def test_of_many_rows_the_first(self):
        codes = np.random.default_rng(1).integers(3, size=(90, 5)).astype(np.int32)
        self.assertAllEqual(
            medoids.two_medoids_silhouette(tf.constant(codes)),
            medoids.two_medoids_silhouette(tf.constant(codes[:64])),
        )


if __name__ == "__main__":
    tf.test.main()
