"""`flux_classifier`: logistic regression on the total flux in each band."""

from __future__ import annotations

import keras
import tensorflow as tf

import zoo
from zoo import losses
from zoo.image_model import ImageModel


@zoo.register("flux_classifier", task="classification", reference="tests")
class FluxClassifier(ImageModel):
    """Logistic regression on the mean pixel of each band.

    Args:
        image_shape: (height, width, bands) of the images. Default (8, 8, 2).
        class_names: Names of the classes. Default ("faint", "bright").
        preprocessing: See `zoo.preprocessing.make`. Default "asinh".
        augment: Whether training images are flipped and turned at random. Default False.
        seed: Seed of the weights.
    """

    def __init__(
        self,
        *,
        image_shape=(8, 8, 2),
        class_names=("faint", "bright"),
        augment=False,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape, class_names=class_names, augment=augment, **kwargs
        )
        self.network = keras.Sequential(
            [
                keras.Input(self.preprocessed_shape),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(
                    len(self.class_names),
                    kernel_initializer=keras.initializers.GlorotUniform(self.seed),
                    dtype="float32",
                ),
            ]
        )

    def call(self, images, training=False):
        return {"probability": tf.nn.softmax(self.network(self.preprocessing(images)))}

    def objective(self, batch, seed, training):
        logits = self.network(self.preprocessing(batch["image"]))
        return losses.classification_terms(batch["label"], logits)
