"""`blendhunter`: a frozen VGG-16 and a small head for blended and isolated galaxies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.fingerprints import weights_checksum, without_names
from zoo.image_model import ImageModel
from zoo.layers import vgg
from zoo.layers.dense_head import DenseHead
from zoo.preprocessing import fitted
from zoo.registry import register

__all__ = ["BlendHunter"]

# What Keras subtracts from blue, green and red before VGG-16: the means of ImageNet.
_IMAGENET_MEANS = (103.939, 116.779, 123.68)


@register(
    "blendhunter",
    task="classification",
    reference="Farrens et al. 2022 (A&A 657, A98; arXiv:2110.08180), BlendHunter",
)
class BlendHunter(ImageModel):
    """Transfer learning: VGG-16 with ImageNet weights, frozen, and a trained head.

        f = VGG-16(grey x, three times)         z = W_3 relu(W_2 drop(W_1 f + b_1) + b_2) + b_3
        P(second class) = 1 / (1 + exp(-z))     loss = cross-entropy with the label

    The second of the two classes is the one that the source calls 1, blended. Stamps of another
    size than `size`, as 51 x 51, are brought to it first (`zoo.preprocessing.FitStamp`): the
    SavedModel takes stamps of any size. The source pads its stamps with zeros and adds noise
    everywhere; a stamp that has noise already is continued by its mirror image, which has the
    same noise. One band is repeated three times, three are taken as they are, of other numbers
    the mean is repeated.

    Departures from the source: none by default. Options beyond it are an earlier cut or several,
    other scalings, the ImageNet preprocessing, and training the last blocks too.

    Args:
        image_shape: (height, width, bands) of the stamps in training. Default (65, 65, 1).
        class_names: Two names; the second is that of the blends. Default
            ("isolated", "blended").
        preprocessing: See `zoo.preprocessing.make`. Default "min_max_8bit", the source's. It comes
            behind a `fit_stamp` unless it begins with one of its own.
        weights: Of VGG-16: "imagenet" (default; Keras downloads them once), the path of the file
            without top, or "none" or None for random ones. A saved model has its weights in its
            own file and needs neither.
        cut: Layer of VGG-16 (`zoo.layers.vgg.LAYERS`) whose output is the features, or several,
            whose outputs are joined. Default "block5_pool", the last.
        size: Side in px of the square that VGG-16 sees, default 65.
        padding: Of smaller stamps: "mirror" (default) or "zeros".
        imagenet_preprocessing: Whether what the preprocessing returns, times 255, is brought to
            blue, green, red and loses the means of ImageNet, as the weights expect. The source
            did not. Default False.
        trainable_blocks: Number of blocks of VGG-16, from the last one before the cut, that are
            trained as well. Default 0.
        units: Length of the two hidden layers, linear and ReLU. Default (256, 512).
        dropout: Share of the first of them dropped in training, default 0.1.

    The other arguments are those of `zoo.image_model.ImageModel`; `augment` has no effect on
    features that were computed before.

    Raises:
        ValueError: if there are not two classes, weights cannot be had, there is no such layer,
            or a number is out of range.

    References:
        Farrens et al. 2022, sections 3.1 and 3.2; Simonyan & Zisserman 2015 (arXiv:1409.1556).

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(8, 33, 33, 1))
        labels = np.arange(8) % 2
        model = zoo.create("blendhunter", image_shape=(33, 33, 1), size=33, weights="none")
        model.fit(images, labels)  # without the weights of ImageNet, features of chance
        probability = model.predict(images)["probability"]
        ```
    """

    kept_as: Mapping[str, str] = {"weights": "weights_source"}

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (65, 65, 1),
        class_names: Sequence[str] = ("isolated", "blended"),
        preprocessing: Any = "min_max_8bit",
        weights: str | None = "imagenet",
        cut: str | Sequence[str] = "block5_pool",
        size: int = 65,
        padding: str = "mirror",
        imagenet_preprocessing: bool = False,
        trainable_blocks: int = 0,
        units: Sequence[int] = (256, 512),
        dropout: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=fitted(preprocessing, size, padding),
            **kwargs,
        )
        if len(self.class_names) != 2:
            raise ValueError(f"class_names must name two classes; got {list(self.class_names)}")
        if len(units) != 2 or min(units) < 1:
            raise ValueError(f"units must be two positive integers; got {list(units)}")
        # `weights=none` on a command line is None, as any other hyperparameter.
        self.weights_source = "none" if weights is None else str(weights)
        self.cut = cut if isinstance(cut, str) else tuple(cut)
        self.size = size
        self.padding = padding
        self.imagenet_preprocessing = imagenet_preprocessing
        self.trainable_blocks = trainable_blocks
        self.units = tuple(units)
        self.dropout = dropout
        cuts = (self.cut,) if isinstance(self.cut, str) else self.cut
        self.backbone = vgg.vgg16((*self.preprocessed_shape[:2], 3), cuts, self.seed)
        if self.weights_source != "none":
            vgg.load_weights(self.backbone, self.weights_source)
        vgg.freeze(self.backbone, trainable_blocks)
        self.head = self._make_head()
        self.built = True

    def _make_head(self) -> keras.layers.Layer:
        """Returns the layer from the features to the log odds of the second class."""
        return DenseHead(
            sum(int(np.prod(output.shape[1:])) for output in self.backbone.outputs),
            self.units,
            ("linear", "relu"),
            1,
            self.dropout,
            self.seed + 100,
            name="head",
        )

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns what the head reads, (batch, features) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        x = self.preprocessing(images)
        if x.shape[-1] != 3:
            x = tf.repeat(tf.reduce_mean(x, axis=-1, keepdims=True), 3, axis=-1)
        if self.imagenet_preprocessing:
            x = 255.0 * x[..., ::-1] - _IMAGENET_MEANS
        outputs = self.backbone(x)
        outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        return tf.cast(tf.concat([self._vector(y) for y in outputs], axis=-1), tf.float32)

    def _vector(self, y: tf.Tensor) -> tf.Tensor:
        """Returns the output of a layer of VGG-16 as vectors, (batch, length)."""
        return tf.reshape(y, (-1, int(np.prod(y.shape[1:]))))

    def features_key(self) -> str:
        """Returns, as JSON, all that the features depend on."""
        key = {
            "backbone": "vgg16",
            "cut": self.cut,
            "weights": weights_checksum(self.backbone),
            "preprocessing": without_names(keras.saving.serialize_keras_object(self.preprocessing)),
            "statistics": weights_checksum(self.preprocessing),
            "imagenet_preprocessing": self.imagenet_preprocessing,
        }
        return json.dumps(key, sort_keys=True)

    def classify(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the probabilities of the two classes, (batch, 2), from `features`."""
        blended = tf.sigmoid(self.head(features))
        return tf.concat([1 - blended, blended], axis=-1)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return {"probability": self.classify(self.features(images))}

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns loss and accuracy; `batch` may have "features" in place of "image"."""
        features = batch["features"] if "features" in batch else self.features(batch["image"])
        logit = self.head(features, seed=seed if training else None)[:, 0]
        label = tf.cast(batch["label"], tf.float32)
        hit = tf.equal(logit > 0, label > 0.5)
        return {
            "loss": tf.nn.sigmoid_cross_entropy_with_logits(label, logit),
            "accuracy": tf.cast(hit, tf.float32),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> BlendHunter:
        """Returns the model with random VGG-16 weights, which the saved ones replace."""
        model = cls(**{**config, "weights": "none"})
        model.weights_source = config.get("weights", "imagenet")
        return model
