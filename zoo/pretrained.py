"""Trained models of the zoo as encoders of other models."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from zoo import registry
from zoo.model import ZooModel
from zoo.suggestions import did_you_mean
from zoo.weights import list_weights, weights_file

__all__ = ["build", "describe", "features", "load"]

# Of a run folder.
_MODEL_FILE = "model.keras"


def load(source: str | os.PathLike, vgg16: str | None = None) -> ZooModel:
    """Returns a trained model of the zoo.

    Only classes of the zoo are made, and no code of the file runs (Keras's safe mode).

    Args:
        source: A named set of weights (`zoo.list_weights()`), a `.keras` file of a model of the
            zoo, or the folder of a finished run. A file or folder of that name comes first.
        vgg16: For a named set that is put on VGG-16, see `zoo.weights.weights_file`.

    Raises:
        ValueError: if there is no such file, or it holds no model of the zoo.
        OSError: if the file of a named set cannot be fetched.
    """
    path = Path(source).expanduser()
    if not path.exists() and str(source) in list_weights():
        with weights_file(str(source), vgg16) as file:
            return _load_file(file)
    return _load_file(_model_file(path))


def _load_file(file: Path) -> ZooModel:
    try:
        with zipfile.ZipFile(file) as archive:
            saved = json.loads(archive.read("config.json"))
        module, name = saved["module"] or "", saved["class_name"]
    except Exception as error:  # zipfile raises anything for a broken file, as Keras does below.
        raise ValueError(f"{file} is no .keras file: {_line(error)}") from None
    if not module.startswith("zoo.models."):
        raise ValueError(f"{file} is no model of the zoo, but a '{module}.{name}'")
    registry.describe(module.removeprefix("zoo.models."))
    try:
        return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        raise ValueError(f"{file} cannot be loaded: {_line(error)}") from None


def describe(model: ZooModel) -> dict[str, Any]:
    """Returns key and configuration of a model, from which `build` makes it, without weights."""
    return {"model": model.registry_name, "config": model.get_config()}


def build(description: Mapping[str, Any], **changes: Any) -> ZooModel:
    """Returns a model with fresh weights.

    Args:
        description: What `describe` returned.
        **changes: Hyperparameters that differ.

    Raises:
        ValueError: if it is no such description.
    """
    if set(description) != {"model", "config"}:
        raise ValueError(
            f"an encoder is described by model and config; got {', '.join(map(str, description))}"
        )
    config = {**description["config"], **changes}
    config.pop("dtype", None)
    return registry.describe(description["model"]).model_class.from_config(config)


def features(model: ZooModel, images: tf.Tensor) -> tf.Tensor:
    """Returns what a model has learnt to see in images, (batch, features) float32.

    That is `model.features(images)`, or the means of the latents where there is no such method.

    Args:
        model: The model.
        images: (batch, height, width, bands) in the units that it was trained on.

    Raises:
        ValueError: if it has neither method.
    """
    if hasattr(model, "features"):
        return tf.cast(model.features(images), tf.float32)
    if hasattr(model, "encode"):
        return tf.cast(model.encode(images)["latent_mean"], tf.float32)
    raise ValueError(
        f"a model with features() or encode() is needed; '{model.registry_name}' has neither"
    )


def _model_file(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            hint = did_you_mean(str(path), list_weights())
            raise ValueError(f"there is no file or folder {path}{hint}")
        return path
    if (path / _MODEL_FILE).exists():
        return path / _MODEL_FILE
    if (path / "repeats.json").exists():
        raise ValueError(f"{path} holds repeats of a run; give one of them, {path}/seed_N")
    if (path / "config.json").exists():
        raise ValueError(f"the run in {path} has not ended its training; take it up again")
    raise ValueError(f"{path} is not the folder of a run: it has no {_MODEL_FILE}")


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
