"""Images without the neighbours of the object at their centre."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo import encoders, registry
from zoo.model import ZooModel
from zoo.preprocessing.base import Chain, Preprocessing, register
from zoo.preprocessing.neighbour_regions import neighbour_regions, without_regions

__all__ = ["MaskedNeighbours", "masking_neighbours"]


@register("masked_neighbours")
class MaskedNeighbours(Preprocessing):
    """Replaces the neighbours of the central object by sky with noise.

    The neighbours are regions of a segmentation whose segments are numbered by brightness, 0 the
    sky (`hypercolumn_segmentation`), see `neighbour_regions`. The segmentation is part of the layer
    and of every file of a model with it; training leaves it as it is. `inverse` does not bring the
    neighbours back.

    Args:
        segmentation: A trained model of images of the same shape: the model or its `.keras` file;
            or its description, as in a saved configuration.
        margin: Pixels around the regions that are replaced as well. Default 2.

    Raises:
        ValueError: if it is no segmentation, its file cannot be loaded, or `margin` is negative.
    """

    def __init__(
        self,
        segmentation: ZooModel | str | os.PathLike[str] | Mapping[str, Any],
        margin: int = 2,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if margin < 0:
            raise ValueError(
                f"margin of preprocessing 'masked_neighbours' must be at least 0 px; got {margin}"
            )
        if isinstance(segmentation, Mapping):
            segmentation = encoders.build(segmentation)
        elif not isinstance(segmentation, ZooModel):
            segmentation = _loaded(Path(segmentation))
        if segmentation.task != "segmentation":
            raise ValueError(
                "segmentation of preprocessing 'masked_neighbours' must be a model of task "
                f"segmentation; got '{segmentation.registry_name}'"
            )
        segmentation.trainable = False
        self.segmentation = segmentation
        self.margin = margin

    def build(self, input_shape: Sequence[int | None]) -> None:
        if tuple(input_shape[1:]) != tuple(self.segmentation.image_shape):
            raise ValueError(
                "segmentation of preprocessing 'masked_neighbours' must be of images of shape "
                f"{tuple(input_shape[1:])}; got {self.segmentation.image_shape}"
            )
        self.built = True

    def call(self, images: tf.Tensor) -> tf.Tensor:
        images = tf.cast(images, tf.float32)
        return without_regions(images, self.regions(images), self.margin)

    def regions(self, images: tf.Tensor) -> tf.Tensor:
        """Returns which pixels belong to neighbours, (batch, height, width) bool.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        segment = self.segmentation(images, training=False)["segment"]
        return neighbour_regions(segment, len(self.segmentation.class_names) - 1)

    def inverse(self, x: tf.Tensor, like: tf.Tensor | None = None) -> tf.Tensor:
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "segmentation": encoders.describe(self.segmentation)}


def masking_neighbours(model: ZooModel, segmentation: Any, margin: int = 2) -> ZooModel:
    """Returns a copy of a trained model that masks neighbours before everything else.

    Args:
        model: A model of images.
        segmentation: See `MaskedNeighbours`.
        margin: Likewise.

    Raises:
        ValueError: if the segmentation does not fit the model.
    """
    before = keras.saving.serialize_keras_object(model.preprocessing)
    masked = Chain([MaskedNeighbours(segmentation, margin), before])
    copy = encoders.build(encoders.describe(model), preprocessing=masked)
    held = {id(weight) for weight in masked.layers[0].weights}
    own = [weight for weight in copy.weights if id(weight) not in held]
    for target, source in zip(own, model.weights, strict=True):
        target.assign(source)
    copy.adapted = True
    return copy


def _loaded(path: Path) -> ZooModel:
    """Returns the model of a file; `zoo.load`, which does more, imports models and so this."""
    try:
        with zipfile.ZipFile(path) as archive:
            registry.import_models(json.loads(archive.read("config.json"))["module"])
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zipfile and Keras raise anything for a broken file.
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(
            "segmentation of preprocessing 'masked_neighbours' must be the .keras file of a model; "
            f"{path} cannot be loaded: {line}"
        ) from None
