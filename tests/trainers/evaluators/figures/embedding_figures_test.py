import numpy as np
import tensorflow as tf

from trainers.evaluators.figures.embedding_figures import places


class PlacesTest(tf.test.TestCase):
    def test_each_cell_has_the_object_next_to_its_middle(self):
        # Two cells a side over 0..2: middles at 0.5 and 1.5.
        plane = np.array([[0.0, 0.0], [0.4, 0.6], [0.1, 0.9], [1.6, 1.4], [2.0, 2.0], [0.2, 1.9]])
        self.assertEqual(places(plane, 2), [(0, 0, 1), (1, 0, 5), (1, 1, 3)])

    def test_points_on_a_line(self):
        plane = np.stack([np.arange(5.0), np.zeros(5)], axis=-1)
        self.assertEqual(places(plane, 5), [(0, column, column) for column in range(5)])
