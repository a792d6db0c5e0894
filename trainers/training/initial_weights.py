"""Initial weights from a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zoo
from trainers.errors import UserError
from zoo.fingerprints import without_names
from zoo.model import ZooModel

__all__ = ["start_from"]


def start_from(model: ZooModel, source: str) -> None:
    """Copies all weights of a trained model, with the statistics of its preprocessing.

    Args:
        model: The model to be trained, with the same networks.
        source: Named set of weights, `.keras` file, or folder of a finished run.

    Raises:
        UserError: if there is no such model, or its registry key, classes, preprocessing or shapes
            of weights differ.
    """
    try:
        trained = zoo.load(source)
    except ValueError as error:
        raise UserError(f"`init`: {error}") from None
    _check(model, trained, source)
    for variable, value in zip(model.variables, trained.variables, strict=True):
        variable.assign(value)


def _check(model: ZooModel, trained: ZooModel, source: str) -> None:
    def refuse(kind: str, wanted: Any, got: Any) -> None:
        raise UserError(f"`init` {source} must have the {kind} {wanted}; it has {got}")

    if trained.registry_name != model.registry_name:
        raise UserError(
            f"`init` {source} must be of model '{model.registry_name}'; "
            f"it is of '{trained.registry_name}'"
        )
    if "classification" in model.task and trained.class_names != model.class_names:
        refuse("classes", list(model.class_names), list(trained.class_names))
    own, other = _hyperparameters(model), _hyperparameters(trained)
    if own["preprocessing"] != other["preprocessing"]:
        refuse("preprocessing", own["preprocessing"], other["preprocessing"])
    shapes = [[tuple(variable.shape) for variable in each.variables] for each in (model, trained)]
    if shapes[0] != shapes[1]:
        differing = [name for name in own if own[name] != other.get(name)] or ["networks"]
        wanted, got = ([each.get(name) for name in differing] for each in (own, other))
        refuse(", ".join(differing), wanted, got)


def _hyperparameters(model: ZooModel) -> dict[str, Any]:
    config = without_names(model.get_config())
    preprocessing = _without_shapes(without_names(config.pop("preprocessing", None)))
    arguments = set(model.constructor_arguments()) - {"seed"}  # No shape follows from it.
    own = {name: value for name, value in config.items() if name in arguments}
    return {**own, "preprocessing": preprocessing}


def _without_shapes(config: Any) -> Any:
    """Returns a serialised layer without the entries that depend on the size of the images."""
    if isinstance(config, Mapping):
        kept = {key: _without_shapes(value) for key, value in config.items()}
        return {key: kept[key] for key in kept if key not in ("build_config", "dtype")}
    if isinstance(config, (list, tuple)):
        return [_without_shapes(value) for value in config]
    return config
