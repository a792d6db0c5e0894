"""Trained models of the zoo as encoders of other models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo import registry
from zoo.embedding import features
from zoo.model import ZooModel

__all__ = ["build", "describe", "features"]


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
