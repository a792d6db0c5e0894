import keras
import numpy as np
import tensorflow as tf
from keras import layers
from scipy import signal

from benchmarks import flop
from zoo.layers import vgg


class FlopTest(tf.test.TestCase):
    def test_vgg16_has_the_published_number(self):
        # 15.3 G multiplications and additions at 224 x 224 without the dense layers.
        network = vgg.vgg16((224, 224, 3), ["block5_pool"], seed=0)
        self.assertEqual(flop.per_image(network), 2 * 15_346_630_656)

    def test_products_with_padding_are_those_of_ones_with_zeros(self):
        images = keras.Input((9, 6, 2))
        x = layers.Conv2D(3, 3, padding="same")(images)
        x = layers.Conv2D(4, (3, 2), padding="valid")(x)
        network = keras.Model(images, x)
        same = signal.convolve2d(np.ones((9, 6)), np.ones((3, 3)), mode="same").sum()
        valid = 7 * 5 * 3 * 2
        self.assertEqual(
            flop.per_image(network, on_padding=False), 2 * (same * 2 * 3 + valid * 3 * 4)
        )
        self.assertEqual(flop.per_image(network), 2 * (9 * 6 * 9 * 2 * 3 + valid * 3 * 4))

    def test_strides_pad_behind_as_tensorflow_does(self):
        images = keras.Input((6, 5, 1))
        network = keras.Model(images, layers.Conv2D(1, 3, strides=2, padding="same")(images))
        for layer in network.layers[1:]:
            layer.set_weights([np.ones((3, 3, 1, 1)), np.zeros(1)])
        products = network(np.ones((1, 6, 5, 1))).numpy().sum()
        self.assertEqual(flop.per_image(network, on_padding=False), 2 * products)

    def test_other_layers_with_weights_are_named(self):
        images = keras.Input((8, 8, 1))
        network = keras.Model(images, layers.Dense(2, name="mixing")(images))
        with self.assertRaisesRegex(ValueError, "'mixing' is a Dense"):
            flop.per_image(network)
