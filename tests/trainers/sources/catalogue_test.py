import numpy as np
import tensorflow as tf

from trainers.sources.catalogue import measure_sources


class CatalogueTest(tf.test.TestCase):
    def test_measurements_are_weighted_by_the_light(self):
        draws = np.random.default_rng(0)
        regions = np.zeros((12, 15), int)
        regions[2:6, 3:9], regions[7:11, 1:4], regions[0, 0] = 1, 2, -1
        light = draws.normal(1, 1, (12, 15))
        light[8, 2] = np.nan
        probabilities = draws.uniform(size=(12, 15, 3))
        sources = measure_sources(regions, light, probabilities)
        self.assertLen(sources, 2)
        for index in range(2):
            rows, columns = np.nonzero(regions == index + 1)
            own = np.nan_to_num(light[rows, columns])
            weights = np.maximum(own, 0)
            self.assertAllClose(sources.y[index], np.average(rows, weights=weights))
            self.assertAllClose(sources.x[index], np.average(columns, weights=weights))
            self.assertAllClose(sources.light[index], own.sum())
            self.assertEqual(sources.area[index], len(rows))
            shares = np.average(probabilities[rows, columns], axis=0, weights=weights)
            self.assertAllClose(sources.fractions[index], shares / shares.sum())
            self.assertEqual(sources.labels[index], shares.argmax())

    def test_a_map_of_centres_moves_positions_only(self):
        rows, columns = np.mgrid[:20, :20]
        light = np.where(columns < 10, 1.0, 3.0)
        centres = np.exp(-((rows - 6) ** 2 + (columns - 5) ** 2) / 4)
        regions, probabilities = np.ones((20, 20), int), light[..., None]
        plain = measure_sources(regions, light, probabilities)
        moved = measure_sources(regions, light, probabilities, centres)
        self.assertAllClose((moved.y, moved.x), ([6], [5]), atol=0.02)
        self.assertGreater(plain.x[0], 10)
        self.assertAllEqual(moved.light, plain.light)

    def test_sources_without_light_or_classes(self):
        regions = np.kron(np.array([[1, 2]]), np.ones((3, 3), int))
        probabilities = np.zeros((3, 6, 2))
        probabilities[:, :3, 1] = 0.5
        sources = measure_sources(regions, -np.ones((3, 6)), probabilities)
        self.assertAllClose(sources.x, [1, 4])
        self.assertAllClose(sources.fractions, [[0, 1], [0.5, 0.5]])
        self.assertAllClose(sources.light, [-9, -9])
        nothing = measure_sources(np.full((3, 6), -1), np.ones((3, 6)), probabilities)
        self.assertEqual((len(nothing), nothing.fractions.shape), (0, (0, 2)))


if __name__ == "__main__":
    tf.test.main()
