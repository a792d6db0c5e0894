"""Sums over pixels by SciPy, and the gradients of Keras's own layer."""

import keras
import numpy as np
import scipy.signal
import tensorflow as tf

from zoo.layers.depthwise import DepthwiseConv2D


class DepthwiseConv2DTest(tf.test.TestCase):
    def layers(self, **options):
        """Returns the layer and Keras's, with the same weights."""
        own, reference = DepthwiseConv2D(**options), keras.layers.DepthwiseConv2D(**options)
        for layer in (own, reference):
            layer.build((None, None, None, 5))
        random = np.random.default_rng(0)
        weights = [random.normal(size=weight.shape) for weight in own.weights]
        for layer in (own, reference):
            layer.set_weights(weights)
        return own, reference

    def test_pixels_beyond_the_image_are_zero(self):
        images = np.random.default_rng(1).normal(size=(2, 2, 3, 5)).astype(np.float32)
        layer, _ = self.layers(kernel_size=5, padding="same", use_bias=True)
        kernel, bias = (np.array(weight) for weight in layer.weights)
        outputs = layer(images)
        for image, each in zip(images, outputs, strict=True):
            for band in range(5):
                # A network's convolution does not turn its kernel around.
                expected = scipy.signal.correlate2d(
                    np.pad(image[..., band], 2), kernel[..., band, 0], mode="valid"
                )
                self.assertAllClose(each[..., band], expected + bias[band], atol=1e-5)

    def test_gradients_are_those_of_keras(self):
        for size, options in (
            ((2, 2), {"kernel_size": 3, "padding": "same", "activation": "silu"}),
            ((1, 1), {"kernel_size": 3, "padding": "same", "use_bias": False}),
            ((2, 3), {"kernel_size": (4, 5), "padding": "same", "depth_multiplier": 2}),
            ((2, 2), {"kernel_size": 3, "padding": "same", "strides": 2}),
            ((4, 4), {"kernel_size": 3, "padding": "valid"}),
            ((6, 6), {"kernel_size": 3, "padding": "same"}),
        ):
            images = tf.constant(np.random.default_rng(2).normal(size=(3, *size, 5)), tf.float32)
            outputs = []
            for layer in self.layers(**options):
                with tf.GradientTape() as tape:
                    tape.watch(images)
                    output = layer(images)
                    loss = tf.reduce_sum(tf.sin(output))
                weights = [weight.value for weight in layer.trainable_variables]
                outputs.append([output, *tape.gradient(loss, [images, *weights])])
            for own, reference in zip(*outputs, strict=True):
                self.assertAllClose(own, reference, atol=1e-4, msg=str(options))

    def test_half_precision_and_files(self):
        layer = DepthwiseConv2D(3, padding="same", dtype="mixed_bfloat16")
        self.assertEqual(layer(tf.ones((1, 2, 2, 4))).dtype, tf.bfloat16)
        again = keras.layers.deserialize(keras.layers.serialize(layer))
        self.assertIsInstance(again, DepthwiseConv2D)


if __name__ == "__main__":
    tf.test.main()
