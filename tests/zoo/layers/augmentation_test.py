import keras
import numpy as np
import tensorflow as tf

from zoo.layers.augmentation import RandomDihedral


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


if __name__ == "__main__":
    tf.test.main()
