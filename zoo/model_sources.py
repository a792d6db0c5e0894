"""Models as parts of other models: from named weights, files, run folders and registry keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from zoo import registry
from zoo.loading import load
from zoo.model import ZooModel

__all__ = ["check_hyperparameters", "is_registry_key", "model_of"]


def is_registry_key(source: Any) -> bool:
    """Returns whether an argument names an untrained model."""
    return isinstance(source, (str, os.PathLike)) and str(source) in registry.list_models()


def check_hyperparameters(
    argument: str, source: Any, hyperparameters: Mapping[str, Any] | None
) -> None:
    """Checks that hyperparameters are given for an untrained model alone.

    Args:
        argument: Name of the argument; that of the hyperparameters begins with it.
        source: Its value.
        hyperparameters: Those of the untrained model.

    Raises:
        ValueError: if there are some, and `source` is no registry key.
    """
    if hyperparameters and not is_registry_key(source):
        raise ValueError(
            f"{argument}_hyperparameters are for a model's name in {argument}; got {source} and "
            f"{dict(hyperparameters)}"
        )


def model_of(
    argument: str, source: str | os.PathLike[str], hyperparameters: Mapping[str, Any] | None = None
) -> ZooModel:
    """Returns a trained model, or an untrained one.

    Args:
        argument: Name of the argument, for the error.
        source: Its value: a named set of weights, the folder of a finished run or a `.keras` file;
            or a registry key, of an untrained model.
        hyperparameters: Those of the untrained model, where they differ from its defaults.

    Raises:
        ValueError: if there is no such model.
    """
    if is_registry_key(source):
        return registry.create(str(source), **(hyperparameters or {}))
    try:
        return load(source)
    except ValueError as error:
        raise ValueError(
            f"{argument} must be a name of weights, a run folder, a .keras file or a model: {error}"
        ) from None
