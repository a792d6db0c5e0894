"""`star_galaxy_cnn`: the supervised yardstick for the unsupervised classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo import losses, randomness, stretch
from zoo.image_model import ImageModel
from zoo.layers.augmentation import mean_over_symmetries
from zoo.layers.residual import residual_encoder
from zoo.registry import register
from zoo.symmetry_average import SymmetryAverage

__all__ = ["StarGalaxyCNN"]


@register(
    "star_galaxy_cnn",
    task="classification",
    reference="Kim & Brunner 2017 (MNRAS 464, 4463), star-galaxy classification with ConvNets",
)
class StarGalaxyCNN(SymmetryAverage, ImageModel):
    """Residual convolutional classifier of images, trained with labels.

        loss = cross-entropy of softmax(f(asinh(x))) with the label

    Departures from Sun et al.: residual blocks in place of their plain eight convolutional layers,
    input in units of the image's own noise, flips and right-angle turns as augmentation.

    Args:
        class_names: Names of the classes in the order of the labels, two or more. Default
            ("star", "galaxy").
        preprocessing: See `zoo.preprocessing.make`. Default "background_noise".
        augment: Whether training images are flipped and turned at random.
        filters: Filters of each stage, each halving the image.
        blocks: Residual blocks of each stage.
        features: Length of the last hidden layer, default 64.
        dropout: Share of the last hidden layer dropped in training, default 0.3.
        label_smoothing: Share of the target spread over all classes, default 0: real labels
            contain errors.
        stretch: Whether the network reads asinh of the preprocessed image, default True.
        average_symmetries: Whether the answer, outside training, has the mean log probabilities
            of the image's eight flips and turns (four if it is not square), as Dieleman et al.
            2015 (MNRAS 450, 1441) average over rotations. Eight times the work in use, and a
            signature `single_view` without it. Default False.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if there are fewer than two classes.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 5))
        labels = np.arange(64) % 2
        model = zoo.create("star_galaxy_cnn", image_shape=(16, 16, 5), filters=(8,))
        model.fit(images, labels, epochs=2, validation_split=0.25)
        probability = model.predict(images)["probability"]  # star, galaxy
        ```
    """

    # `features` is the method.
    kept_as: Mapping[str, str] = {"features": "feature_count"}

    def __init__(
        self,
        *,
        class_names: Sequence[str] = ("star", "galaxy"),
        preprocessing: Any = "background_noise",
        augment: bool = True,
        filters: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        features: int = 64,
        dropout: float = 0.3,
        label_smoothing: float = 0.0,
        stretch: bool = True,
        average_symmetries: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            class_names=class_names,
            preprocessing=preprocessing,
            augment=augment,
            **kwargs,
        )
        if len(self.class_names) < 2:
            raise ValueError(
                f"class_names must name at least two classes; got {list(self.class_names)}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1); got {dropout}")
        self.filters = tuple(filters)
        self.blocks = blocks
        self.feature_count = features
        self.dropout = dropout
        self.label_smoothing = label_smoothing
        self.stretch = stretch
        self.average_symmetries = average_symmetries
        self.encoder = residual_encoder(
            self.preprocessed_shape, self.filters, blocks, features, self.seed
        )
        self.head = keras.Sequential(
            [
                keras.Input((features,)),
                keras.layers.Dense(
                    len(self.class_names),
                    kernel_initializer=keras.initializers.GlorotUniform(seed=self.seed + 1),
                    dtype="float32",
                ),
            ],
            name="head",
        )
        self.built = True

    def logits(
        self, images: tf.Tensor, seed: tf.Tensor | None = None, average: bool = False
    ) -> tf.Tensor:
        """Returns unnormalised log probabilities, (batch, classes).

        Args:
            images: (batch, height, width, bands) in survey units.
            seed: Stateless seed of the dropout; None for no dropout.
            average: Whether they are means over the symmetries of each image, without dropout.
        """
        x = self._network_input(images, seed)
        if not average:
            return self._classify(x, seed)
        return mean_over_symmetries(lambda turned: self._classify(turned, None), x)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the last hidden layer, (batch, features), for images in survey units."""
        return self._read(self._network_input(images, None))

    def _network_input(self, images: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        x = self._prepared(images, seed)
        return stretch.asinh(x) if self.stretch else x

    def _read(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.leaky_relu(self.encoder(x))

    def _classify(self, x: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        return self.head(randomness.dropout(self._read(x), self.dropout, seed))

    def _prepared(self, images: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        return self.preprocessing(images)

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        return {"probability": tf.nn.softmax(self.logits(images, average=average))}

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        averaged = self.average_symmetries and not training
        logits = self.logits(batch["image"], seed if training else None, averaged)
        smoothing = self.label_smoothing if training else 0.0
        return losses.classification_terms(batch["label"], logits, smoothing)
