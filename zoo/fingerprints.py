"""Checksums and configurations by which networks are compared."""

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

    Keras numbers layers of a kind, so that names depend on what was made before.
    """
    if isinstance(config, Mapping):
        return {key: without_names(value) for key, value in config.items() if key != "name"}
    if isinstance(config, (list, tuple)):
        return [without_names(value) for value in config]
    return config
