"""What tells whether two networks are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

__all__ = ["weights_checksum", "without_names"]


def weights_checksum(layer: keras.layers.Layer) -> str:
    """Returns the SHA-256 of all weights of a layer or network, in their order."""
    digest = hashlib.sha256()
    for variable in layer.weights:
        value = np.ascontiguousarray(variable.numpy())
        digest.update(f"{value.dtype} {value.shape} ".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def without_names(config: Any) -> Any:
    """Returns a configuration without the names of its layers.

    Keras counts layers of a kind, so the names tell which model was made first.
    """
    if isinstance(config, Mapping):
        return {key: without_names(value) for key, value in config.items() if key != "name"}
    if isinstance(config, (list, tuple)):
        return [without_names(value) for value in config]
    return config
