import itertools

import numpy as np
import tensorflow as tf

from trainers.sources.matching import match_positions


class MatchingTest(tf.test.TestCase):
    def test_most_pairs_with_the_smallest_sum_of_distances(self):
        draws = np.random.default_rng(0)
        for _ in range(20):
            first, second = draws.uniform(0, 6, (4, 2)), draws.uniform(0, 6, (3, 2))
            matched = match_positions(first, second, 2.0)
            best = (0, 0.0)
            # Every assignment of the four to the three or to none.
            for choice in itertools.product((-1, 0, 1, 2), repeat=4):
                used = [each for each in choice if each >= 0]
                distances = [
                    np.hypot(*(first[i] - second[j])) for i, j in enumerate(choice) if j >= 0
                ]
                if len(set(used)) == len(used) and max(distances, default=0) <= 2:
                    best = max(best, (len(used), -sum(distances)))
            pairs = [(i, j) for i, j in enumerate(matched) if j >= 0]
            total = sum(np.hypot(*(first[i] - second[j])) for i, j in pairs)
            self.assertEqual(len(pairs), best[0])
            self.assertAllClose(-total, best[1])

    def test_empty_lists_and_errors(self):
        none = np.zeros((0, 2))
        self.assertAllEqual(match_positions(none, np.ones((2, 2)), 1.0), np.zeros(0))
        self.assertAllEqual(match_positions(np.ones((2, 2)), none, 1.0), [-1, -1])
        with self.assertRaisesRegex(ValueError, "radius must be positive; got 0"):
            match_positions(none, none, 0)


if __name__ == "__main__":
    tf.test.main()
