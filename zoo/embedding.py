"""The embedding of an example: the vector in which a model sees it."""

from __future__ import annotations

import keras
import tensorflow as tf

__all__ = ["EMBEDDING", "SPECTRUM_EMBEDDING", "features", "has_features"]

EMBEDDING = "embedding"
"""Name of the signature, of its output and of the column in tables."""

SPECTRUM_EMBEDDING = "spectrum_embedding"
"""Name of the signature of a model that embeds spectra beside images, in the same space."""


def has_features(model: keras.Model) -> bool:
    """Returns whether a model has an embedding: a method `features` or `encode`."""
    return hasattr(model, "features") or hasattr(model, "encode")


def features(model: keras.Model, *inputs: tf.Tensor) -> tf.Tensor:
    """Returns what a model has learnt to see in its inputs, (batch, features) float32.

    That is `model.features(*inputs)`, or the means of the latents where there is no such method.

    Args:
        model: A model of the zoo.
        *inputs: Inputs of the model in their order, such as images, (batch, height, width, bands)
            in the units that it was trained on.

    Raises:
        ValueError: if it has neither method.
    """
    if hasattr(model, "features"):
        return tf.cast(model.features(*inputs), tf.float32)
    if hasattr(model, "encode"):
        return tf.cast(model.encode(*inputs)["latent_mean"], tf.float32)
    raise ValueError(
        f"a model with features() or encode() is needed; '{model.registry_name}' has neither"
    )
