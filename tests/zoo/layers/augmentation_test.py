import keras
import numpy as np
import tensorflow as tf

from zoo.layers.augmentation import RandomDihedral, mean_turned_back


class RandomDihedralTest(tf.test.TestCase):
    def spread(self, layer, height, width):
        """Returns where a pixel at size // 2 and its right neighbour go in 64 copies."""
        images = np.zeros((64, height, width, 2), np.float32)
        images[:, height // 2, width // 2, 0] = 1
        images[:, height // 2, width // 2 + 1, 1] = 1
        turned = layer(tf.constant(images), tf.constant([1, 2])).numpy()
        self.assertAllEqual(turned.sum(axis=(1, 2)), np.ones((64, 2)))
        places = [np.argwhere(turned[..., band] == 1)[:, 1:] for band in range(2)]
        return [{tuple(map(int, place)) for place in each} for each in places]

    def test_pixel_stays_and_neighbour_goes_round(self):
        for height, width in ((8, 8), (7, 7)):
            layer = RandomDihedral(about_pixel=True)
            y, x = height // 2, width // 2
            around = {(y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)}
            self.assertEqual(self.spread(layer, height, width), [{(y, x)}, around])
        layer = RandomDihedral(about_pixel=True)
        self.assertEqual(self.spread(layer, 8, 6), [{(4, 3)}, {(4, 4), (4, 2)}])

    def test_axis_of_an_even_side_is_between_its_pixels(self):
        places, _ = self.spread(RandomDihedral(), 8, 8)
        self.assertEqual(places, {(3, 3), (3, 4), (4, 3), (4, 4)})

    def test_first_row_is_a_copy_and_maps_turn_alike(self):
        images = np.random.default_rng(0).normal(size=(6, 8, 6, 1)).astype(np.float32)
        layer = RandomDihedral(about_pixel=True)
        turned = layer(tf.constant(images), tf.constant([3, 4]))
        self.assertAllEqual(turned[:, 0], turned[:, 1])
        self.assertAllEqual(turned[:, :, 0], turned[:, :, 1])
        self.assertAllEqual(layer(tf.constant(images[..., 0]), tf.constant([3, 4])), turned[..., 0])
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        self.assertTrue(again.about_pixel)


class MeanTurnedBackTest(tf.test.TestCase):
    def test_a_shift_spreads_to_all_directions(self):
        # One pixel to the right, in each of the eight views: right, left, up and down.
        def shifted(images):
            return tf.roll(images, 1, axis=2)

        for side in (8, 9):
            image = np.zeros((1, side, side, 1), np.float32)
            image[0, side // 2, side // 2] = 8.0
            mean = mean_turned_back(shifted, tf.constant(image)).numpy()[0, ..., 0]
            expected = np.zeros((side, side))
            for row, column in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                expected[side // 2 + row, side // 2 + column] = 2.0
            self.assertAllEqual(mean, expected)

    def test_views_are_turned_back(self):
        for shape in ((2, 8, 8, 3), (2, 6, 9, 1)):
            images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
            mean = mean_turned_back(tf.identity, tf.constant(images))
            rows, columns = ((size + 1) % 2 for size in shape[1:3])
            self.assertAllClose(mean[:, rows:, columns:], images[:, rows:, columns:], atol=1e-6)


if __name__ == "__main__":
    tf.test.main()
