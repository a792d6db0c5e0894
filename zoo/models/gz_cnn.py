"""`gz_cnn`: a plain convolutional network answers a question of Galaxy Zoo, or gives a T-Type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo import losses, randomness
from zoo.image_model import ImageModel
from zoo.layers.augmentation import mean_over_symmetries
from zoo.registry import register
from zoo.symmetry_average import SymmetryAverage

__all__ = ["GzCNN"]


@register(
    "gz_cnn",
    task="classification",
    reference="Dominguez Sanchez et al. 2018 (MNRAS 476, 3661), morphology of SDSS galaxies",
)
class GzCNN(SymmetryAverage, ImageModel):
    """Four convolutions and two dense layers, one network for each question.

    What the head gives follows from `class_names` and `target`:

        two classes     P(second) = 1 / (1 + exp(-z)),  P(first) = 1 - P(second)
        more            P = softmax(z)
        a target        y = m + s z

    and it is trained with

        classes         loss = -w_c log P(c),    w_c = N / (K n_c)
        a target        loss = (y - t)^2 / s^2,  0 where t is not known (NaN)

    where n_c of the N training examples are of class c of K, and m and s are mean and standard
    deviation of the target t in the training data. With these weights all classes count alike: a
    probability is that of a sample with as many galaxies in each, and of a rare class it is larger
    than its share.

    Departures from the source: leaky ReLUs, as of the ReLUs of the hidden layer, which add up
    thousands of positive numbers, nearly all may die within some epochs and the network with them;
    the pixels are standardised by band; the target of a regression is brought to unit scatter, so
    that any quantity can be one; flips come with turns by right angles.
    Where the source is silent or not at hand the choice is ours: where the image is halved, the
    rates of dropout, and initial weights of He et al. 2015.

    Args:
        image_shape: (height, width, bands) of the images. Default (69, 69, 3).
        class_names: Names of the classes in the order of the labels, two or more. Default
            ("smooth", "featured-or-disk").
        preprocessing: See `zoo.preprocessing.make`. Default "standardize".
        augment: Whether training images are flipped and turned at random.
        target: Feature of the dataset, a number for each galaxy such as "t_type", that is learnt in
            place of a class; the model has the task "regression" then, no classes, and an output of
            this name. Default None.
        target_moments: m and s, in units of the target. Default (0, 1); a run gives those of its
            training data.
        class_counts: n_c; None (default) for as many in each. A run gives those of its training
            data.
        balanced: Whether the classes have the weights w_c; else all have 1. Default True.
        filters: Filters of each convolution.
        kernels: Side of each convolution, px.
        pooled: Numbers of the convolutions, from 1 on, behind which the image is halved by the
            largest of 2 x 2 pixels. Default (2, 3).
        units: Length of the hidden dense layer, default 64.
        activation: Of convolutions and hidden layer, "leaky_relu" (default) or another of Keras's;
            the source's is "relu".
        dropout: Share that is dropped in training behind each convolution, and behind the hidden
            dense layer.
        average_symmetries: Whether the answer, outside training, has the mean z of the image's
            eight flips and turns (four if it is not square), beside a signature `single_view`
            without it. Default False.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if there are fewer than two classes, or a number is out of range.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 16, 16, 3))
        t_type = np.linspace(-3, 8, 64)
        model = zoo.create("gz_cnn", image_shape=(16, 16, 3), filters=(8,) * 4, target="t_type")
        model.fit(images, {"t_type": t_type}, epochs=2)
        predicted = model.predict(images)["t_type"]
        ```
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (69, 69, 3),
        class_names: Sequence[str] = ("smooth", "featured-or-disk"),
        preprocessing: Any = "standardize",
        augment: bool = True,
        target: str | None = None,
        target_moments: Sequence[float] = (0.0, 1.0),
        class_counts: Sequence[int] | None = None,
        balanced: bool = True,
        filters: Sequence[int] = (32, 64, 128, 128),
        kernels: Sequence[int] = (6, 5, 2, 3),
        pooled: Sequence[int] = (2, 3),
        units: int = 64,
        activation: str = "leaky_relu",
        dropout: Sequence[float] = (0.5, 0.25, 0.25, 0.25, 0.5),
        average_symmetries: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=() if target else class_names,
            preprocessing=preprocessing,
            augment=augment,
            **kwargs,
        )
        self.target = target
        if target:
            self.task, self.targets = "regression", (target,)
        self.target_moments = tuple(float(value) for value in target_moments)
        self.class_counts = None if target or class_counts is None else tuple(class_counts)
        self.balanced = balanced
        self.filters = tuple(filters)
        self.kernels = tuple(kernels)
        self.pooled = tuple(pooled)
        self.units = units
        self.activation = activation
        self.dropout = tuple(dropout)
        self.average_symmetries = average_symmetries
        self._check()
        shape, self.stages = self.preprocessed_shape, []
        for number, (width, side) in enumerate(zip(filters, kernels, strict=True), 1):
            stage = _stage(
                shape, width, side, activation, number in self.pooled, self.seed + number
            )
            self.stages.append(stage)
            shape = stage.output_shape[1:]
        length = shape[0] * shape[1] * shape[2]
        self.hidden = _dense(length, units, activation, self.seed + 100, name="hidden")
        outputs = len(self.class_names) if len(self.class_names) > 2 else 1
        self.last = _dense(units, outputs, None, self.seed + 101, name="last", dtype="float32")
        self.built = True

    @classmethod
    def task_of(cls, hyperparameters: Mapping[str, Any]) -> str:
        return "regression" if hyperparameters.get("target") else cls.task

    @property
    def class_weights(self) -> tuple[float, ...] | None:
        """w_c, or None where all are 1; a class without training examples has 0."""
        if self.class_counts is None or not self.balanced:
            return None
        return losses.balanced_weights(self.class_counts)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the hidden dense layer, (batch, units), for images in survey units."""
        return tf.cast(self._hidden(self.preprocessing(images)), tf.float32)

    def logits(
        self, images: tf.Tensor, seed: tf.Tensor | None = None, average: bool = False
    ) -> tf.Tensor:
        """Returns z, (batch, classes), or (batch, 1) for two classes and for a target.

        Args:
            images: (batch, height, width, bands) in survey units.
            seed: Stateless seed of the dropout; None for no dropout.
            average: Whether z is the mean over the symmetries of each image, without dropout.
        """
        x = self.preprocessing(images)
        if average:
            return mean_over_symmetries(lambda turned: self.last(self._hidden(turned)), x)
        return self.last(self._hidden(x, seed))

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        z = self.logits(images, average=average)
        if self.target:
            mean, stddev = self.target_moments
            return {self.target: mean + stddev * z[:, 0]}
        return {"probability": tf.nn.softmax(_of_all_classes(z))}

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        averaged = self.average_symmetries and not training
        z = self.logits(batch["image"], seed if training else None, averaged)
        if not self.target:
            return losses.classification_terms(
                batch["label"], _of_all_classes(z), class_weights=self.class_weights
            )
        mean, stddev = self.target_moments
        truth = (tf.cast(batch[self.target], tf.float32) - mean) / stddev
        # Once more inside, as a NaN times zero would be the gradient.
        finite = tf.math.is_finite(truth)
        difference = z[:, 0] - tf.where(finite, truth, 0.0)
        return {"loss": tf.where(finite, tf.square(difference), 0.0)}

    def _hidden(self, x: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        purposes = [None] * len(self.dropout)
        if seed is not None:
            purposes = tf.unstack(tf.random.experimental.stateless_split(seed, len(self.dropout)))
        for stage, rate, purpose in zip(self.stages, self.dropout, purposes, strict=False):
            x = randomness.dropout(stage(x), rate, purpose)
        x = self.hidden(tf.reshape(x, (-1, self.hidden.kernel.shape[0])))
        return randomness.dropout(x, self.dropout[-1], purposes[-1])

    def _check(self) -> None:
        number = len(self.filters)
        if not self.target and len(self.class_names) < 2:
            raise ValueError(
                f"class_names must name at least two classes; got {list(self.class_names)}"
            )
        if self.class_counts is not None and (
            len(self.class_counts) != len(self.class_names)
            or min(self.class_counts) < 0
            or not sum(self.class_counts)
        ):
            raise ValueError(
                f"class_counts must be a number, at least 0, for each of "
                f"{list(self.class_names)}; got {list(self.class_counts)}"
            )
        if len(self.target_moments) != 2 or not self.target_moments[1] > 0:
            raise ValueError(
                f"target_moments must be a mean and a standard deviation above 0; "
                f"got {list(self.target_moments)}"
            )
        if not number or len(self.kernels) != number or min(*self.filters, *self.kernels) < 1:
            raise ValueError(
                f"filters and kernels must be as many positive integers; "
                f"got {list(self.filters)} and {list(self.kernels)}"
            )
        if not set(self.pooled) <= set(range(1, number + 1)):
            raise ValueError(f"pooled must be in 1..{number}; got {list(self.pooled)}")
        if min(self.preprocessed_shape[:2]) < 2 ** len(self.pooled):
            raise ValueError(
                f"pooled {len(self.pooled)} times, images must have at least "
                f"{2 ** len(self.pooled)} px; got {self.preprocessed_shape[:2]}"
            )
        if len(self.dropout) != number + 1 or not all(0 <= rate < 1 for rate in self.dropout):
            raise ValueError(
                f"dropout must be {number + 1} numbers in [0, 1), one for each convolution and one "
                f"for the dense layer; got {list(self.dropout)}"
            )


def _of_all_classes(z: tf.Tensor) -> tf.Tensor:
    # The softmax of (0, z) is the sigmoid of z.
    return z if z.shape[-1] > 1 else tf.concat([tf.zeros_like(z), z], axis=-1)


def _stage(
    shape: Sequence[int], filters: int, side: int, activation: str, pooled: bool, seed: int
) -> keras.Model:
    images = keras.Input(tuple(shape))
    x = keras.layers.Conv2D(
        filters,
        side,
        padding="same",
        activation=activation,
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
    )(images)
    return keras.Model(images, keras.layers.MaxPooling2D(2)(x) if pooled else x)


def _dense(
    inputs: int, units: int, activation: str | None, seed: int, **options: Any
) -> keras.layers.Dense:
    initializer = keras.initializers.HeNormal if activation else keras.initializers.GlorotUniform
    layer = keras.layers.Dense(
        units, activation=activation, kernel_initializer=initializer(seed=seed), **options
    )
    layer.build((None, inputs))
    return layer
