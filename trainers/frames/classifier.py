"""A trained classifier, of the zoo or an exported SavedModel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.blends.truth import blended_class
from trainers.errors import UserError
from trainers.frames.model_source import ModelSource
from trainers.prediction.served_model import ServedModel

__all__ = ["Classifier", "of_saved_model", "of_source"]

_SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Classifier:
    """Gives images the probabilities of classes.

    Attributes:
        name: Name of the model.
        path: Where it comes from.
        class_names: In the order of the probabilities.
        bands: Number of bands that it takes.
        fixed_size: Height and width of the images that it takes, or None for any.
        trained_size: Height and width of the images in training, or None if that is not known.
        configuration: Options of its training; may be empty.
        data: What the model card says of the training data; may be empty.
        function: Takes images, returns a dictionary with `probability`.
    """

    name: str
    path: Path
    class_names: tuple[str, ...]
    bands: int
    fixed_size: tuple[int, int] | None
    trained_size: tuple[int, int] | None
    configuration: Mapping[str, Any]
    data: Mapping[str, Any]
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]

    @property
    def noise_range(self) -> tuple[float, float] | None:
        """Lowest and highest noise that was added to the images in training, or None."""
        sigma = self.configuration.get("noise_sigma")
        if not sigma:
            return None
        return float(np.ravel(sigma)[0]), float(np.ravel(sigma)[-1])

    @property
    def blended(self) -> int | None:
        """Index of the class of blends, or None."""
        return blended_class(self.class_names)

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns the probabilities, (number, classes).

        Args:
            images: (number, height, width, bands) in the units of training.

        Raises:
            UserError: if one is not finite.
        """
        answer = self.function(tf.constant(images, tf.float32))["probability"].numpy()
        if not np.isfinite(answer).all():
            raise UserError(f"model {self.path} must give probabilities; got NaN or infinity")
        return answer


def of_source(source: ModelSource) -> Classifier:
    """Returns the classifier of a run or of named weights.

    Args:
        source: The model.

    Raises:
        UserError: if it is no classifier.
    """
    model = source.model
    served = model.signatures()[_SIGNATURE]
    function = tf.function(served.function, input_signature=served.inputs)
    return _classifier(
        source.option,
        # The weights go when the model goes.
        lambda images, model=model: function(images),
        outputs=function.get_concrete_function().structured_outputs,
        name=model.registry_name,
        path=source.path,
        class_names=model.class_names,
        shape=tuple(served.inputs[0].shape[1:]),
        trained_size=tuple(model.image_shape[:2]),
        configuration=source.configuration,
        data=source.data,
    )


def of_saved_model(model: ServedModel, path: Path | str) -> Classifier:
    """Returns the classifier of an exported SavedModel.

    Args:
        model: The SavedModel.
        path: Its folder, for errors.

    Raises:
        UserError: if it is no classifier of images.
    """
    facts = model.facts
    trained = facts.data.get("image_shape")
    return _classifier(
        f"`saved_model={path}`",
        lambda images: model.default(image=images),
        outputs=model.default.structured_outputs,
        name=facts.name,
        path=facts.folder,
        class_names=facts.class_names,
        shape=model.shape,
        trained_size=None if trained is None else tuple(trained[:2]),
        configuration=facts.training,
        data=facts.data,
    )


def _classifier(
    what: str,
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
    *,
    outputs: Mapping[str, tf.TensorSpec],
    class_names: Sequence[str],
    shape: tuple[int | None, int | None, int],
    **facts: Any,
) -> Classifier:
    if "probability" not in outputs:
        raise UserError(
            f"{what} must hold a classifier; its model gives {', '.join(sorted(outputs))}"
        )
    classes = outputs["probability"].shape[-1]
    names = tuple(class_names) or tuple(f"class_{index}" for index in range(classes or 0))
    if len(names) < 2 or len(names) != classes:
        raise UserError(f"{what} must hold a classifier of two classes or more; got {len(names)}")
    height, width, bands = shape
    fixed = None if height is None or width is None else (height, width)
    return Classifier(class_names=names, bands=bands, fixed_size=fixed, function=function, **facts)
