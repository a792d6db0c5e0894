"""Trained models from named weights, files and run folders."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import registry
from zoo.suggestions import did_you_mean
from zoo.weights import list_weights, weights_file

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["MODEL_FILE", "load", "load_file"]

MODEL_FILE = "model.keras"
"""Name of the trained model in a run folder."""


def load(source: str | os.PathLike[str], *, vgg16: str | None = None) -> ZooModel:
    """Returns a trained model of the zoo.

    Only classes of registered models are made, and no code of the file runs (Keras's safe mode).

    Args:
        source: A named set of weights (`zoo.list_weights()`), a `.keras` file, or the folder of a
            finished run. A file or folder of that name comes first.
        vgg16: For named weights on top of VGG-16, which is not among them, the path of its file
            with ImageNet weights, or "imagenet" for the one that Keras downloads; None for what
            the environment variable GALAXY_ZOO_VGG16 names.

    Raises:
        ValueError: if there is no such model, the file holds no model of the zoo, or a checksum
            does not match.
        OSError: if the file of a named set cannot be fetched.
    """
    path = Path(source).expanduser()
    if not path.exists() and str(source) in list_weights():
        with weights_file(str(source), vgg16) as file:
            return load_file(file)
    return load_file(_model_file(path))


def load_file(path: str | os.PathLike[str]) -> ZooModel:
    """Returns the model of a `.keras` file; see `load`.

    Raises:
        ValueError: if it holds no model of the zoo.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            saved = json.loads(archive.read("config.json"))
        name = f"{saved['module']}.{saved['class_name']}"
    except Exception as error:  # zipfile raises anything for a broken file, as Keras does below.
        raise ValueError(f"{path} cannot be loaded as a .keras file: {_line(error)}") from None
    if not _is_registered(saved):
        raise ValueError(f"{path} cannot be loaded: '{name}' is no model of the zoo")

    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ValueError(f"{path} cannot be loaded: {_line(error)}") from None


def _model_file(path: Path) -> Path:
    if not path.exists():
        names = [*list_weights(), *registry.list_models()]
        hint = did_you_mean(str(path), names)
        if str(path) in registry.list_models():
            hint = f"; zoo.create('{path}') makes an untrained model"
        raise ValueError(f"there is no file or folder {path}{hint}")
    if not path.is_dir():
        return path
    if (path / MODEL_FILE).exists():
        return path / MODEL_FILE
    if (path / "repeats.json").exists():
        raise ValueError(f"{path} holds repeats of a run; choose one of them, {path}/seed_N")
    if (path / "config.json").exists():
        raise ValueError(f"the run in {path} has not finished training; resume it")
    raise ValueError(f"{path} is not the folder of a run: it has no {MODEL_FILE}")


def _is_registered(saved: Mapping[str, Any]) -> bool:
    """Returns whether a serialised class is that of a registered model, after importing it."""
    registry.import_models(str(saved["module"]))

    import keras

    from zoo.model import ZooModel

    model_class = keras.saving.get_registered_object(saved.get("registered_name") or "")
    return isinstance(model_class, type) and issubclass(model_class, ZooModel)


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
