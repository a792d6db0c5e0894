"""Files for LiteRT (TensorFlow Lite), of models whose operations it has."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from trainers.errors import TrainingError, UserError
from trainers.storage.atomic_files import write_atomically
from zoo.common_operations import common_operations
from zoo.serving import saved_model

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["answers", "convert", "write"]

_SIGNATURE = "serving_default"
_LACKING = re.compile(r"^\s*(?:TF Select|Flex|Custom) ops: (.+)$", re.MULTILINE)


def write(model: ZooModel, path: Path, images: np.ndarray) -> None:
    """Writes a model as a LiteRT file whose answers are those of the model.

    Args:
        model: Trained model of images.
        path: The file.
        images: Images of the training data, (number, height, width, bands), on which the file is
            compared with the model.

    Raises:
        UserError: if the model reads more than images, or LiteRT lacks one of its operations.
        TrainingError: if the answers of the file are not those of the model.
    """
    content = convert(model)
    expected = {name: value.numpy() for name, value in _served(model)(tf.constant(images)).items()}
    made = answers(content, images)
    try:
        for name, value in expected.items():
            saved_model.compare(f"output '{name}' of the LiteRT file", value, made[name])
    except saved_model.ExportError as error:
        raise TrainingError(str(error)) from error
    write_atomically(path, lambda file: file.write(content))


def convert(model: ZooModel) -> bytes:
    """Returns `serving_default` of a model as the content of a LiteRT file, in float32.

    The signature takes `image`, (batch, height, width, bands), for any batch.

    Args:
        model: Model of images.

    Raises:
        UserError: if the model reads more than images, or LiteRT lacks one of its operations.
    """
    if model.input_names != ("image",):
        raise UserError(
            f"`format=litert` needs a model of images alone; '{model.registry_name}' reads "
            f"{', '.join(model.input_names)}"
        )
    (image,) = model.signatures()[_SIGNATURE].inputs
    # LiteRT would keep variables as such, without their values.
    weights = [(weight, tf.constant(weight.value.numpy())) for weight in model.variables]
    with common_operations(), keras.StatelessScope(state_mapping=weights):
        function = tf.function(_served(model)).get_concrete_function(image)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    with _without_dumps():
        try:
            return converter.convert()
        except Exception as error:
            lacking = _LACKING.findall(str(error))
            if not lacking:
                raise
            raise UserError(
                f"`format=litert` needs a model of LiteRT's own operations; "
                f"'{model.registry_name}' has {', '.join(lacking)} besides"
            ) from None


def answers(content: bytes, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the outputs of a LiteRT file by name.

    Args:
        content: Of the file.
        images: (batch, height, width, bands) float32.
    """
    with warnings.catch_warnings():
        # The same interpreter is to come in a package of its own, `ai-edge-litert`.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(model_content=content)
    runner = interpreter.get_signature_runner(_SIGNATURE)
    return dict(runner(image=images))


def _served(model: ZooModel):
    """Returns `serving_default` without the checks of what a server is sent."""
    signature = model.signatures()[_SIGNATURE]

    def function(image: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return dict(signature.function(image))

    return function


@contextlib.contextmanager
def _without_dumps() -> Iterator[None]:
    """Keeps the converter from writing whole graphs to the standard error of the process."""
    with tempfile.TemporaryFile() as file:
        saved = os.dup(2)
        try:
            os.dup2(file.fileno(), 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
