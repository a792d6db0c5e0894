"""Models of survey images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import preprocessing as zoo_preprocessing
from zoo.layers.augmentation import RandomDihedral
from zoo.model import ZooModel

__all__ = ["ImageModel"]


class ImageModel(ZooModel):
    """A `ZooModel` that reads `image`, (batch, height, width, bands) in survey units.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 5).
        preprocessing: Name, configuration, layer, or list of these, see `zoo.preprocessing.make`.
        augment: Whether training images, and the features of `pixel_targets`, are flipped and
            turned by right angles at random.

    The other arguments are those of `zoo.model.ZooModel`.

    Raises:
        ValueError: if `image_shape` is not three positive integers.
    """

    pixel_targets: tuple[str, ...] = ()
    """Those of `targets` that are maps, (batch, height, width, ...), and turn with the image."""

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 5),
        preprocessing: Any = "asinh",
        augment: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        image_shape = tuple(int(size) for size in image_shape)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(
                f"image_shape must be three positive integers (height, width, bands); "
                f"got {image_shape}"
            )
        self.image_shape = image_shape
        self.augment = augment
        self.preprocessing = zoo_preprocessing.make(preprocessing)
        # A layer that comes from a saved configuration has been built by Keras.
        if not self.preprocessing.built:
            self.preprocessing.build((None, *image_shape))
        self.preprocessed_shape = tuple(
            self.preprocessing.compute_output_shape((None, *image_shape))[1:]
        )
        self.augmentation = RandomDihedral()

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        # What is drawn has the size that the layers were built with.
        draws = hasattr(self, "encode") or hasattr(self, "reconstruct")
        if self.preprocessing.takes_any_size and not draws:
            return {"image": (None, None, self.image_shape[-1])}
        return {"image": self.image_shape}

    @property
    def training_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"image": self.image_shape}

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that reach the networks, and that they can reproduce."""
        return self.preprocessing.window(*self.image_shape[:2])

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the scientific answer for images in survey units."""
        raise NotImplementedError(f"{type(self).__name__} must define call(images)")

    def adapt(self, images: np.ndarray) -> None:
        """Sets the statistics of the preprocessing; called once, before training.

        Args:
            images: Sample of the training images, (number, height, width, bands) float32.
        """
        super().adapt(images)
        self.preprocessing.adapt(images)

    def augmented(self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor) -> Mapping[str, tf.Tensor]:
        if not self.augment:
            return batch
        maps = {name: self.augmentation(batch[name], seed) for name in self.pixel_targets}
        return {**batch, "image": self.augmentation(batch["image"], seed), **maps}

    def get_config(self) -> dict[str, Any]:
        preprocessing = keras.saving.serialize_keras_object(self.preprocessing)
        return {**super().get_config(), "preprocessing": preprocessing}
