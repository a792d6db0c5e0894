"""Models of the class of each pixel, trained with the fractional classes of its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from zoo.image_model import ImageModel
from zoo.losses.fractional_classes import fractional_class_terms, fractional_labels

__all__ = ["CLASSES", "PixelClassModel", "finite_pixels"]

CLASSES = ("spheroid", "disk", "irregular", "point_source", "background")
"""Classes of pixels of Hausen & Robertson 2020, in their order."""


class PixelClassModel(ImageModel):
    """An `ImageModel` that answers with the probability of each class in each pixel.

    It learns from the features `segmentation`, (height, width), the number of the source of each
    pixel from 1, 0 outside of sources and below 0 where that is unknown, and `votes`, (sources,
    classes without background), the share of each class for source 1, 2, ... Pixels that are
    unknown, not finite in any band or masked do not count.

    A subclass defines `probabilities(images)`, and `objective` by `maps` and `class_terms`.

    Args:
        class_names: Names of the classes, in the order of the votes, the background last; empty
            for the default, ("spheroid", "disk", "irregular", "point_source", "background").
        balance: Power of the weights of rare classes, see
            `zoo.losses.fractional_classes.fractional_class_terms`.
        dice: Weight of the Dice of the background in the loss.
        masked: Whether the dataset has a feature `mask`, (height, width, bands), whose pixels
            other than 0 in any band do not count. Default False.

    The other arguments are those of `zoo.image_model.ImageModel`.

    Raises:
        ValueError: if there are fewer than two classes, `preprocessing` changes the size of the
            images, `balance` is not in [0, 1] or `dice` is negative.
    """

    targets = ("segmentation", "votes")
    pixel_targets = ("segmentation",)

    def __init__(
        self,
        *,
        class_names: Sequence[str] = (),
        balance: float = 1.0,
        dice: float = 1.0,
        masked: bool = False,
        **kwargs: Any,
    ):
        super().__init__(class_names=tuple(class_names) or CLASSES, **kwargs)
        if len(self.class_names) < 2:
            raise ValueError(
                f"class_names must name a class of sources and the background; "
                f"got {list(self.class_names)}"
            )
        if self.preprocessed_shape[:2] != self.image_shape[:2]:
            raise ValueError(
                f"preprocessing must keep the size of the images, {self.image_shape[:2]}, for an "
                f"answer for each pixel; got {self.preprocessed_shape[:2]}"
            )
        if not 0 <= balance <= 1:
            raise ValueError(f"balance must be from 0 to 1; got {balance}")
        if dice < 0:
            raise ValueError(f"dice must be at least 0; got {dice}")
        self.balance = balance
        self.dice = dice
        self.masked = masked
        if masked:
            self.targets = (*type(self).targets, "mask")
            self.pixel_targets = (*type(self).pixel_targets, "mask")

    @property
    def background(self) -> int:
        """Number of the class of pixels outside of sources."""
        return len(self.class_names) - 1

    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `pixel_probabilities`, (batch, height, width, classes), and other maps."""
        raise NotImplementedError(f"{type(self).__name__} must define probabilities(images)")

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the probability of each class in each pixel, -1 where a pixel is not finite.

        Returns:
            `pixel_probabilities`, (batch, height, width, classes) float32, and `segment`, (batch,
            height, width) int32, the most probable class; both -1 where the pixel is not finite in
            any band.
        """
        return self.answer(self.probabilities(tf.cast(images, tf.float32)), finite_pixels(images))

    def answer(self, maps: Mapping[str, tf.Tensor], known: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns maps and the most probable class, all -1 where a pixel is unknown.

        Args:
            maps: What `probabilities` returned.
            known: (batch, height, width, 1) bool.
        """
        segment = tf.argmax(maps["pixel_probabilities"], axis=-1, output_type=tf.int32)

        def where_known(values):
            mask = known if values.shape.rank == 4 else known[..., 0]
            return tf.where(mask, values, tf.constant(-1, values.dtype))

        return {name: where_known(values) for name, values in {**maps, "segment": segment}.items()}

    def maps(self, batch: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns images, fractional labels and which pixels count, 1 or 0, of a batch.

        Args:
            batch: `image`, `segmentation`, `votes`, and `mask` if it is `masked`.

        Returns:
            (batch, height, width, channels) float32 each: bands, classes, and one channel.
        """
        segmentation = tf.cast(batch["segmentation"], tf.int32)
        known = finite_pixels(batch["image"]) & (segmentation >= 0)[..., None]
        if self.masked:
            known &= tf.reduce_all(tf.equal(batch["mask"], 0), axis=-1, keepdims=True)
        labels = fractional_labels(segmentation, batch["votes"])
        return tf.cast(batch["image"], tf.float32), labels, tf.cast(known, tf.float32)

    def class_terms(
        self, labels: tf.Tensor, logits: tf.Tensor, known: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of `fractional_class_terms`; all arguments are as `maps` has them."""
        return fractional_class_terms(labels, logits, known[..., 0], self.balance, self.dice)

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        # Nothing else depends on the size.
        if self.preprocessing.is_pixelwise:
            return {"image": (None, None, self.image_shape[-1])}
        return super().input_shapes


def finite_pixels(images: tf.Tensor) -> tf.Tensor:
    """Returns which pixels are finite in all bands, (batch, height, width, 1) bool."""
    return tf.reduce_all(tf.math.is_finite(images), axis=-1, keepdims=True)
