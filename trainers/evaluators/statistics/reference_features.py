"""Features of images in a model of the zoo that has nothing to do with the one under evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import zoo
from trainers.cutouts.picture_files import bits_of
from trainers.prediction import inference
from zoo import embedding
from zoo.preprocessing import Resize

if TYPE_CHECKING:
    from trainers.datasets.dataset import DatasetSpec

__all__ = ["are_pictures", "reference_features"]

_BITS, _BANDS = 8, 3


def are_pictures(spec: DatasetSpec) -> bool:
    """Returns whether images are colour pictures of 8 bits, as the named weights read.

    Args:
        spec: Description of their dataset.
    """
    return bits_of(spec.units) == _BITS and spec.image_shape[-1] == _BANDS


def reference_features(weights: str) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from colour pictures of any one size to their features.

    Pictures are scaled to the size that the model was trained on.

    Args:
        weights: Name of trained weights of a model with features or latents, see
            `zoo.list_weights`, for colour pictures of 8 bits.
    """
    model = zoo.load(weights)

    def features(images: np.ndarray) -> np.ndarray:
        resize = Resize(*model.image_shape[:2])
        outputs = inference.apply(
            lambda pictures: {"features": embedding.features(model, resize(pictures))}, images
        )
        return outputs["features"].astype(np.float64)

    return features
