"""Models as one file for other runtimes than TensorFlow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from trainers.errors import TrainingError, UserError
from trainers.storage.atomic_files import write_atomically
from zoo.common_operations import common_operations
from zoo.serving import saved_model

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["SIGNATURE", "portable", "write_compared"]

SIGNATURE = "serving_default"
"""Signature of the model that such a file has."""


@contextlib.contextmanager
def portable(
    model: ZooModel, kind: str
) -> Iterator[tuple[tf.types.experimental.PolymorphicFunction, tf.TensorSpec]]:
    """Provides `serving_default` as a function of common operations, and the type of its image.

    It is to be traced in the block, and is without the checks of what a server is sent.

    Args:
        model: Model of images.
        kind: Of the file, as `--format` has it.

    Raises:
        UserError: if the model reads more than images.
    """
    if model.input_names != ("image",):
        raise UserError(
            f"`format={kind}` needs a model of images alone; '{model.registry_name}' reads "
            f"{', '.join(model.input_names)}"
        )
    (image,) = model.signatures()[SIGNATURE].inputs
    with common_operations():
        yield tf.function(_served(model)), image


def write_compared(
    model: ZooModel,
    path: Path,
    images: np.ndarray,
    content: bytes,
    answers: Mapping[str, np.ndarray],
    kind: str,
) -> None:
    """Writes a file if its answers are those of the model.

    Args:
        model: The model.
        path: The file.
        images: Images, (number, height, width, bands).
        content: Of the file.
        answers: Its outputs for the images, by name.
        kind: Of the file, for errors: "LiteRT".

    Raises:
        TrainingError: if an answer differs.
    """
    expected = {name: value.numpy() for name, value in _served(model)(tf.constant(images)).items()}
    try:
        for name, value in expected.items():
            saved_model.compare(f"output '{name}' of the {kind} file", value, answers[name])
    except saved_model.ExportError as error:
        raise TrainingError(str(error)) from error
    write_atomically(path, lambda file: file.write(content))


def _served(model: ZooModel):
    signature = model.signatures()[SIGNATURE]

    def function(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return dict(signature.function(image))

    return function
