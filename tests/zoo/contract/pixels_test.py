"""A model that answers for each pixel."""

import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case, tiny_model
from zoo.image_model import ImageModel


@keras.saving.register_keras_serializable(package="tests")
class TinySegmentation(ImageModel):
    """One convolution, and the class of each pixel: sky or source."""

    targets = ("mask",)
    pixel_targets = ("mask",)

    def __init__(self, *, class_names=("sky", "source"), **kwargs):
        super().__init__(class_names=class_names, **kwargs)
        images = keras.Input(self.image_shape)
        initializer = keras.initializers.GlorotUniform(seed=self.seed)
        classes = len(self.class_names)
        layer = keras.layers.Conv2D(classes, 3, padding="same", kernel_initializer=initializer)
        self.network = keras.Model(images, layer(images))

    def logits(self, images):
        """Returns log odds, (batch, height, width, classes)."""
        return tf.cast(self.network(self.preprocessing(images)), tf.float32)

    def call(self, images, training=False):
        """Returns the probability of each class in each pixel."""
        return {"probability": tf.nn.softmax(self.logits(images))}

    def objective(self, batch, seed, training):
        logits = self.logits(batch["image"])
        mask = tf.cast(batch["mask"], tf.int32)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(mask, logits)
        hit = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), mask)
        return {
            "loss": tf.reduce_mean(loss, axis=(1, 2)),
            "accuracy": tf.reduce_mean(tf.cast(hit, tf.float32), axis=(1, 2)),
        }


class PixelsTest(model_test_case.ZooModelTestCase):
    model_name = "tiny_segmentation"
    hyperparameters = {"image_shape": (6, 6, 2), "seed": 2}
    output_shapes = {"probability": (6, 6, 2)}

    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered(self.model_name, TinySegmentation, "segmentation"))

    def batch(self, number=8):
        images = self.images(number)
        return {
            "image": tf.constant(images),
            "mask": tf.constant((images.sum(axis=-1) > 10).astype(np.int32)),
        }

    def test_maps_turn_with_the_image(self):
        model = self.make(augment=True)
        # Each pixel has a number of its own.
        numbers = tf.reshape(tf.range(16 * 6 * 6), (16, 6, 6))
        batch = {"mask": numbers, "image": tf.cast(tf.stack([numbers] * 2, axis=-1), tf.float32)}
        turned = model.augmented(batch, tf.constant([1, 2]))
        self.assertAllEqual(turned["image"][..., 0], tf.cast(turned["mask"], tf.float32))
        self.assertNotAllEqual(turned["mask"], numbers)

    def test_the_table_has_maps(self):
        table = self.make().predict_table(self.images(3))
        self.assertEqual(table["probability"].shape, (3, 6, 6, 2))

    def test_maps_have_the_size_of_the_batch(self):
        batch = {name: value.numpy() for name, value in self.batch(8).items()}
        with self.assertRaisesRegex(ValueError, "mask must have one row for each of the 8"):
            self.make().fit(batch["image"], batch["mask"][:5])


if __name__ == "__main__":
    tf.test.main()
