"""Several trained models as one encoder, and images in the size and bands of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import encoders, preprocessing
from zoo.batching import in_parts
from zoo.model import ZooModel
from zoo.preprocessing import CentreCrop, Chain, Resize

__all__ = ["JointEncoder", "build", "describe", "fitted", "output_shape", "with_bands"]

# Images at a time when statistics are computed.
_BATCH = 64


class JointEncoder(keras.layers.Layer):
    """Several models as one encoder: their features side by side.

    Each sees the images in its own size and number of bands, see `fitted` and `with_bands`.

    Args:
        members: Models with features or latents, two or more.
        image_shape: (height, width, bands) of the images.
        crop: Share of the shorter side that the members see, as in `fitted`.

    Raises:
        ValueError: if a member cannot take the images.
    """

    registry_name = "several"

    def __init__(
        self, members: Sequence[ZooModel], image_shape: Sequence[int], crop: float, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.image_shape = tuple(image_shape)
        self.crop = crop
        self.members = list(members)
        self.fits = [
            fitted((), self.image_shape, member.image_shape, crop) for member in self.members
        ]
        self.built = True

    def _input(self, images: tf.Tensor, number: int) -> tf.Tensor:
        return with_bands(self.fits[number](images), self.members[number].image_shape[-1])

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the features of all members in their order, (batch, features) float32."""
        parts = [
            encoders.features(member, self._input(images, number))
            for number, member in enumerate(self.members)
        ]
        return tf.concat(parts, axis=-1)

    def adapt(self, images: np.ndarray) -> None:
        """Adapts the preprocessing of all members to images."""
        for number, member in enumerate(self.members):
            member.adapt(in_parts(lambda part, at=number: self._input(part, at), images, _BATCH))


def describe(encoder: ZooModel | JointEncoder) -> dict[str, Any]:
    """Returns what `build` makes an encoder from, without its weights."""
    if isinstance(encoder, JointEncoder):
        return {
            "members": [encoders.describe(member) for member in encoder.members],
            "image_shape": list(encoder.image_shape),
            "crop": encoder.crop,
        }
    return encoders.describe(encoder)


def build(description: Mapping[str, Any]) -> ZooModel | JointEncoder:
    """Returns an encoder with fresh weights.

    Args:
        description: What `describe` returned.

    Raises:
        ValueError: if it is no such description.
    """
    if set(description) == {"members", "image_shape", "crop"}:
        members = [encoders.build(member) for member in description["members"]]
        return JointEncoder(members, description["image_shape"], description["crop"])
    return encoders.build(description)


def fitted(
    spec: Any, image_shape: Sequence[int], wanted: Sequence[int], crop: float
) -> preprocessing.Preprocessing:
    """Returns a preprocessing, and behind it what brings images to the size of an encoder.

    Args:
        spec: The preprocessing before, see `zoo.preprocessing.make`.
        image_shape: (height, width, bands) of the images.
        wanted: (height, width, bands) of the encoder's images.
        crop: Share of the shorter side that is kept, a square about the centre; 1 keeps the whole
            image if it is square or the encoder's is not.

    Raises:
        ValueError: if the numbers of bands do not go together.
    """
    first = preprocessing.make(spec)
    height, width, bands = output_shape(first, image_shape)
    if bands != wanted[-1] and 1 not in (bands, wanted[-1]):
        raise ValueError(
            f"image_shape must have {wanted[-1]} bands as the images of the encoder had, or one; "
            f"got {bands}"
        )
    layers = [first]
    side = round(crop * min(height, width))
    if crop < 1 or (wanted[0] == wanted[1] and height != width):
        layers.append(CentreCrop(max(side, 1)))
        height = width = max(side, 1)
    if (height, width) != tuple(wanted[:2]):
        layers.append(Resize(*wanted[:2]))
    return Chain(layers)


def output_shape(
    layer: preprocessing.Preprocessing, image_shape: Sequence[int]
) -> tuple[int, int, int]:
    """Returns the (height, width, bands) that a preprocessing makes of images; builds it."""
    if not layer.built:
        layer.build((None, *image_shape))
    return tuple(layer.compute_output_shape((None, *image_shape))[1:])


def with_bands(images: tf.Tensor, bands: int) -> tf.Tensor:
    """Returns images with a number of bands: repeats of the only one, or of the mean of several."""
    if images.shape[-1] == bands:
        return images
    return tf.repeat(tf.reduce_mean(images, axis=-1, keepdims=True), bands, axis=-1)
