"""Trained models of the zoo as encoders of other models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from zoo import registry
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
