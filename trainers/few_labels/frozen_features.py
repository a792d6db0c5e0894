"""Features of images from a frozen encoder."""

from __future__ import annotations

import numpy as np

import zoo
from trainers.datasets.dataset import DatasetSpec
from trainers.errors import UserError
from trainers.few_labels.encoder_options import EncoderOptions
from trainers.prediction import inference

__all__ = ["frozen_features"]


def frozen_features(
    options: EncoderOptions, spec: DatasetSpec, *images: np.ndarray
) -> list[np.ndarray]:
    """Returns the features of images, (number, features) float32 for each array of images.

    Args:
        options: Encoder, and hyperparameters that bring the images to its size and bands.
        spec: The data of the images.
        *images: (number, height, width, bands) each.

    Raises:
        UserError: if the encoder cannot be loaded, or takes other images.
    """
    data = {"image_shape": list(spec.image_shape), "class_names": list(spec.class_names)}
    own = {"encoder": options.source(), "training": "frozen"}
    try:
        model = zoo.create(options.model, **{**data, **options.run.hp, **own})
    except (ValueError, TypeError) as error:
        raise UserError(f"`encoder={options.encoders}`: {error}") from None

    def features(images):
        return {"features": model.features(images)}

    return [inference.apply(features, each)["features"] for each in images]
