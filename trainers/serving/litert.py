"""Files for LiteRT (TensorFlow Lite), of models whose operations it has."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from trainers.errors import UserError
from trainers.serving.converted_files import SIGNATURE, portable, write_compared

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["answers", "convert", "write"]

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
    write_compared(model, path, images, content, answers(content, images), "LiteRT")


def convert(model: ZooModel) -> bytes:
    """Returns `serving_default` of a model as the content of a LiteRT file, in float32.

    The signature takes `image`, (batch, height, width, bands), for any batch.

    Args:
        model: Model of images.

    Raises:
        UserError: if the model reads more than images, or LiteRT lacks one of its operations.
    """
    # LiteRT would keep variables as such, without their values.
    weights = [(weight, tf.constant(weight.value.numpy())) for weight in model.variables]
    with (
        portable(model, "litert") as (function, image),
        keras.StatelessScope(state_mapping=weights),
    ):
        traced = function.get_concrete_function(image)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
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
    runner = interpreter.get_signature_runner(SIGNATURE)
    return dict(runner(image=images))


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
