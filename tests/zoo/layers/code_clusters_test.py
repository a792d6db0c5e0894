import numpy as np
import tensorflow as tf
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics import adjusted_rand_score

from zoo.layers.code_clusters import CodeClusters, structural_clusters
from zoo.layers.code_components import CodeComponents

CODES, POSITIONS = 6, 20


def _scattered(kinds, seed, share=0.15):
    """Returns codes of the prototypes of some kinds, a share of the positions at random."""
    draws = np.random.default_rng(seed)
    prototypes = np.random.default_rng(9).integers(CODES, size=(8, POSITIONS))
    prototypes[3, :10] = prototypes[2, :10]
    codes = prototypes[kinds]
    hit = draws.random(codes.shape) < share
    return np.where(hit, draws.integers(CODES, size=codes.shape), codes)


class StructuralClustersTest(tf.test.TestCase):
    def test_the_same_cut_as_scipy_where_all_splits_are_of_structure(self):
        kinds = np.arange(120) % 4
        codes = _scattered(kinds, 0)
        turned = np.stack([_scattered(kinds, seed) for seed in (1, 2, 3)])
        clusters, groups = structural_clusters(codes, turned, CODES, most=4, smallest=0.1)
        tree = ward(pdist(codes, "hamming"))
        for number, labels in ((4, clusters), (2, groups)):
            expected = fcluster(tree, number, "maxclust")
            self.assertEqual(adjusted_rand_score(expected, labels), 1.0)
        # A group is a run of clusters.
        self.assertAllEqual(groups, clusters > clusters[groups == 0].max())

    def test_splits_by_orientation_are_undone(self):
        """Kinds 2 and 3 are one structure: turned, an object is either, by chance."""
        kinds = np.arange(160) % 4
        draws = np.random.default_rng(4)
        as_either = [np.where(kinds < 2, kinds, 2 + draws.integers(2, size=160)) for _ in range(3)]
        turned = np.stack([_scattered(each, seed) for seed, each in enumerate(as_either)])
        codes = _scattered(kinds, 5)
        clusters, _ = structural_clusters(codes, turned, CODES, smallest=0.1)
        self.assertEqual(clusters.max() + 1, 3)
        self.assertEqual(adjusted_rand_score(np.minimum(kinds, 2), clusters), 1.0)
        # If chance is enough, or if turned images stay what they are, they are two.
        for options in ({"agreement": -1.0}, {"turned": codes[None]}):
            arguments = {"turned": turned, **options}
            clusters, _ = structural_clusters(codes, number=CODES, smallest=0.1, **arguments)
            self.assertEqual(adjusted_rand_score(kinds, clusters), 1.0)

    def test_no_cluster_is_smaller_than_the_smallest(self):
        codes = np.random.default_rng(0).integers(CODES, size=(100, POSITIONS))
        clusters, _ = structural_clusters(codes, codes[None], CODES, smallest=0.1)
        self.assertGreater(clusters.max(), 1)
        self.assertAllGreaterEqual(np.bincount(clusters), 10)

    def test_objects_that_are_alike(self):
        clusters, _ = structural_clusters(np.ones((9, 3), int), np.ones((1, 9, 3), int), 4)
        self.assertAllInSet(clusters, (0, 1))
        with self.assertRaisesRegex(ValueError, "of at least 2 objects; got 1"):
            structural_clusters(np.ones((1, 3), int), np.ones((1, 1, 3), int), 4)


class CodeClustersTest(tf.test.TestCase):
    def test_new_objects_join_the_cluster_of_the_nearest_mean(self):
        kinds = np.arange(120) % 5
        codes = _scattered(kinds, 0)
        layer = CodeClusters(POSITIONS, CODES, most=8, smallest=0.1)
        layer.adapt(codes, np.stack([_scattered(kinds, 1)]))
        self.assertEqual(layer.number, 5)
        new_kinds = np.arange(40) % 5
        new = _scattered(new_kinds, 2).astype(np.int32)
        cluster, group = (values.numpy() for values in layer(tf.constant(new)))
        self.assertEqual(adjusted_rand_score(new_kinds, cluster), 1.0)
        members = layer(tf.constant(codes, tf.int32))[0].numpy()
        # Mean distance to the members, less half of that between them.
        score = np.stack(
            [
                cdist(new, codes[members == k], "hamming").mean(axis=1)
                - cdist(codes[members == k], codes[members == k], "hamming").mean() / 2
                for k in range(5)
            ]
        )
        self.assertAllEqual(cluster, score.argmin(axis=0))
        self.assertAllEqual(group, layer.groups.numpy()[cluster])
        self.assertAllInSet(group, (0, 1))

    def test_before_it_is_adapted_there_is_one_cluster(self):
        cluster, group = CodeClusters(4, 3)(tf.zeros((2, 4), tf.int32))
        self.assertAllEqual(cluster, [0, 0])
        self.assertAllEqual(group, [0, 0])

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"most": 1}, "most must be at least 2; got 1"),
            ({"smallest": 0.6}, r"smallest must be in \(0, 0.5\]; got 0.6"),
            ({"agreement": 1.5}, r"agreement must be in \[0, 1\]; got 1.5"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                CodeClusters(4, 3, **options)


class CodeComponentsTest(tf.test.TestCase):
    def test_all_components_keep_hamming_distances(self):
        codes = np.random.default_rng(0).integers(3, size=(30, 4))
        layer = CodeComponents(4, 3, 12)
        for _ in range(2):  # At random axes, and at principal ones.
            y = layer(tf.constant(codes, tf.int32)).numpy()
            self.assertAllClose(
                pdist(y, "sqeuclidean"), 2 * 4 * pdist(codes, "hamming"), rtol=1e-3, atol=1e-3
            )
            layer.adapt(codes)
        self.assertAllClose(y.mean(axis=0), np.zeros(12), atol=1e-5)
        self.assertAllClose(np.sort(y.var(axis=0))[::-1], y.var(axis=0), atol=1e-5)

    def test_fewer_objects_than_components(self):
        layer = CodeComponents(4, 3, 6)
        layer.adapt(np.array([[0, 1, 2, 0], [1, 1, 2, 2]]))
        y = layer(tf.constant([[2, 2, 2, 2]])).numpy()
        self.assertAllEqual(y[0, 2:], np.zeros(4))

    def test_too_many_components(self):
        with self.assertRaisesRegex(ValueError, "between 1 and 12, positions x codes; got 13"):
            CodeComponents(4, 3, 13)


if __name__ == "__main__":
    tf.test.main()
