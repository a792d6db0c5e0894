"""`star_galaxy_vgg`: stars and galaxies on features of ImageNet, from few labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.layers.feature_scaling import FeatureScaling
from zoo.models.blendhunter import BlendHunter
from zoo.registry import register
from zoo.symmetry_average import SymmetryAverage

__all__ = ["StandardizedLogistic", "StarGalaxyVGG"]

# Images at a time when the features are standardised.
_BATCH = 64


@keras.saving.register_keras_serializable(package="zoo")
class StandardizedLogistic(FeatureScaling):
    """Log odds that are linear in standardised features: w . (x - mean) / stddev + b.

    Args:
        inputs: Number of features.

    Call arguments:
        x: (batch, inputs).

    Returns:
        (batch, 1) float32.
    """

    fixed_arguments = ("floor",)

    def __init__(self, inputs: int, **kwargs: Any):
        super().__init__(inputs, floor=0.0, **kwargs)
        self.kernel = self.add_weight(name="kernel", shape=(inputs, 1), initializer="zeros")
        self.bias = self.add_weight(name="bias", shape=(1,), initializer="zeros")

    def call(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        return tf.matmul(super().call(x), self.kernel) + self.bias


@register(
    "star_galaxy_vgg",
    task="classification",
    reference="Simonyan & Zisserman 2015 (arXiv:1409.1556); Farrens et al. 2022 for transfer",
)
class StarGalaxyVGG(SymmetryAverage, BlendHunter):
    """Logistic regression on frozen VGG-16 features of several depths.

        f_l = log(1 + mean of the central half of layer l)     z = w . standardised (f_1, ..., f_n)
        P(second class) = 1 / (1 + exp(-z))
        loss = cross-entropy + penalty |w|^2 / 2

    with f_l averaged over the image, its two mirror images and its transpose.

    For labels too few to train a network: some thousand numbers for each image, of which the
    weights were learnt elsewhere, and a convex problem. Edges and textures of photographs separate
    a saturated star from a fuzzy galaxy. Colours are not used: the bands are averaged, unless there
    are three.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 1).
        class_names: Two names. Default ("galaxy", "star").
        cut: Layers of VGG-16 that are read. Default the first four poolings.
        size: Side in px of the square that VGG-16 sees, default 64.
        imagenet_preprocessing: Default True; see `BlendHunter`.
        penalty: Strength of the ridge penalty, 1 / (C n) of scikit-learn's logistic regression
            on n images. Default 0.2.
        average_symmetries: Whether f_l is averaged over the symmetries, in training and in the
            answer; then the signature `single_view` reads the image once, a quarter of the work.
            Default True.

    The other arguments are those of `zoo.models.blendhunter.BlendHunter`, without `units`,
    `dropout` and `trainable_blocks`: the head is linear and VGG-16 frozen.

    Raises:
        ValueError: as `BlendHunter`, or if `penalty` is negative.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(8, 32, 32, 1))
        labels = np.arange(8) % 2
        model = zoo.create("star_galaxy_vgg", image_shape=(32, 32, 1), size=32, weights="none")
        model.fit(images, labels)  # without the weights of ImageNet, features of chance
        probability = model.predict(images)["probability"]
        ```
    """

    fixed_arguments = ("units", "dropout", "trainable_blocks")

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 1),
        class_names: Sequence[str] = ("galaxy", "star"),
        cut: str | Sequence[str] = ("block1_pool", "block2_pool", "block3_pool", "block4_pool"),
        size: int = 64,
        imagenet_preprocessing: bool = True,
        penalty: float = 0.2,
        average_symmetries: bool = True,
        **kwargs: Any,
    ):
        if penalty < 0:
            raise ValueError(f"penalty must be at least 0; got {penalty}")
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            cut=cut,
            size=size,
            imagenet_preprocessing=imagenet_preprocessing,
            **kwargs,
        )
        self.penalty = penalty
        self.average_symmetries = average_symmetries

    def _make_head(self) -> keras.layers.Layer:
        inputs = sum(int(output.shape[-1]) for output in self.backbone.outputs)
        return StandardizedLogistic(inputs, name="head")

    @property
    def views(self) -> int:
        return 4

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the head reads, (batch, features) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        return self._features(images, self.average_symmetries)

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        return {"probability": self.classify(self._features(images, average))}

    def _features(self, images: tf.Tensor, average: bool) -> tf.Tensor:
        if not average:
            return super().features(images)
        turned = (images, images[:, :, ::-1], images[:, ::-1], tf.transpose(images, (0, 2, 1, 3)))
        of = super().features
        return tf.add_n([of(each) for each in turned]) / len(turned)

    def features_key(self) -> str:
        """Returns, as JSON, all that the features depend on."""
        key = json.loads(super().features_key())
        views = "four symmetries" if self.average_symmetries else "one view"
        return json.dumps({**key, "pooling": f"log of central half, {views}"}, sort_keys=True)

    def _vector(self, y: tf.Tensor) -> tf.Tensor:
        rows, columns = y.shape[1] // 4, y.shape[2] // 4
        centre = y[:, rows : y.shape[1] - rows, columns : y.shape[2] - columns]
        return tf.math.log1p(tf.reduce_mean(centre, axis=(1, 2)))

    def adapt(self, images: np.ndarray) -> None:
        super().adapt(images)
        self.head.adapt(in_parts(self.features, images, _BATCH))

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        terms = super().objective(batch, seed, training)
        ridge = 0.5 * self.penalty * tf.reduce_sum(tf.square(self.head.kernel))
        return {**terms, "loss": terms["loss"] + ridge}
