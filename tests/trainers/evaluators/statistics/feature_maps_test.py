import keras
import numpy as np
import tensorflow as tf
from scipy.signal import correlate2d

import zoo
from trainers.evaluators.statistics.feature_maps import convolutions, feature_maps


class FeatureMapsTest(tf.test.TestCase):
    def images(self, *shape):
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)

    def test_first_convolution_is_that_of_scipy(self):
        model = zoo.create("gz_bayesian_cnn", image_shape=(12, 12, 2), filters=((3,),))
        images = self.images(2, 12, 12, 2)
        model.adapt(images)
        (layer,) = convolutions(model)
        maps, pooled = feature_maps(model, images)
        kernel, bias = (variable.numpy() for variable in layer.weights)
        x = (images - images.mean(axis=(0, 1, 2))) / images.std(axis=(0, 1, 2))
        for row in range(2):
            for channel in range(3):
                expected = bias[channel] + sum(
                    correlate2d(x[row, ..., band], kernel[..., band, channel], mode="same")
                    for band in range(2)
                )
                self.assertAllClose(
                    maps.maps[row, ..., channel], np.maximum(expected, 0), atol=1e-4
                )
        largest = maps.maps.reshape(2, 6, 2, 6, 2, 3).max(axis=(2, 4))
        self.assertAllClose(pooled.maps, largest)
        # Keras's own names count the layers of the process.
        self.assertEqual([maps.layer, pooled.layer], ["Conv2D", "MaxPooling2D"])

    def test_blocks_of_vgg16(self):
        model = zoo.create("blendhunter", image_shape=(33, 33, 1), size=33, weights="none")
        images = self.images(2, 33, 33, 1)
        stages = feature_maps(model, images)
        names = ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"]
        self.assertEqual([stage.layer for stage in stages], names)
        self.assertEqual([stage.maps.shape[1] for stage in stages], [33, 16, 8, 4, 2])
        scaled = np.floor(np.abs(images) * 255 / np.abs(images).max(axis=(1, 2, 3), keepdims=True))
        backbone = model.backbone
        part = keras.Model(backbone.inputs, [backbone.get_layer(name).output for name in names])
        for stage, expected in zip(stages, part([np.repeat(scaled / 255, 3, -1)]), strict=True):
            self.assertAllClose(stage.maps, expected, atol=1e-5)

    def test_images_are_not_turned(self):
        images = self.images(2, 16, 16, 3)
        plain, averaged = (
            zoo.create("star_galaxy_cnn", image_shape=(16, 16, 3), filters=(4,), **options)
            for options in ({}, {"average_symmetries": True})
        )
        (expected,), (stage,) = (feature_maps(model, images) for model in (plain, averaged))
        self.assertAllClose(stage.maps, expected.maps)
        # Of several calls of VGG-16 the first.
        small = {"image_shape": (16, 16, 1), "size": 16, "weights": "none", "cut": "block2_pool"}
        one, four = (
            feature_maps(zoo.create(name, **small), images[..., :1])
            for name in ("blendhunter", "star_galaxy_vgg")
        )
        self.assertEqual([s.layer for s in four], ["block1_conv2", "block2_conv2", "block2_pool"])
        self.assertEqual([s.layer for s in four], [s.layer for s in one])

    def test_decoder_leaves_the_maps_of_the_encoder(self):
        def convolution(name):
            return keras.layers.Conv2D(2, 3, padding="same", name=name)

        model = keras.Sequential(
            [
                keras.Input((16, 16, 3)),
                convolution("fine"),
                keras.layers.MaxPooling2D(name="pool"),
                convolution("coarse"),
                keras.layers.UpSampling2D(name="back"),
                convolution("answer"),
            ]
        )
        images = self.images(2, 16, 16, 3)
        stages = feature_maps(model, images)
        self.assertEqual([stage.layer for stage in stages], ["fine", "coarse"])
        self.assertAllClose(stages[0].maps, model.get_layer("fine")(images))

    def test_networks_within_networks_and_models_as_before(self):
        images = self.images(3, 16, 16, 3)
        for name in ("vae", "invariant_vae", "finetuned_classifier", "gz_cnn"):
            model = zoo.create(name, image_shape=(16, 16, 3))
            before = model(images)
            stages = feature_maps(model, images)
            sizes = [stage.maps.shape[1] for stage in stages]
            self.assertEqual(sizes, sorted(set(sizes), reverse=True), name)
            self.assertTrue(all(len(stage.maps) == 3 for stage in stages))
            self.assertFalse(any("call" in vars(layer) for layer in convolutions(model)))
            for key, value in model(images).items():
                self.assertAllEqual(value, before[key])

    def test_layers_are_as_before_after_an_error(self):
        model = zoo.create("star_galaxy_cnn", image_shape=(16, 16, 3), filters=(4,))
        with self.assertRaises((ValueError, tf.errors.InvalidArgumentError)):
            feature_maps(model, self.images(2, 16, 16, 4))
        self.assertFalse(any("call" in vars(layer) for layer in convolutions(model)))


if __name__ == "__main__":
    tf.test.main()
