"""Published networks inside models, which are named by a checksum and not stored again."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping

import numpy as np

from zoo.weights.manifest import Frozen

__all__ = ["VGG16_VARIABLE", "arrays_of", "checksum", "vgg16"]

VGG16_VARIABLE = "GALAXY_ZOO_VGG16"
"""Environment variable: path of VGG-16 with ImageNet weights, without top."""


def arrays_of(frozen: Frozen, name: str, path: str | None = None) -> dict[str, np.ndarray]:
    """Returns the arrays that the file of a set leaves out, by their places in the file.

    Args:
        frozen: Of the set's manifest.
        name: Name of the set, for errors.
        path: Of the VGG-16 file, or "imagenet" for the one that Keras downloads; None for what
            the environment variable GALAXY_ZOO_VGG16 names.

    Raises:
        ValueError: if the file is missing, or its values are not those of the manifest.
    """
    if frozen.network != "vgg16":
        raise ValueError(f"frozen network of weights '{name}' must be vgg16; got {frozen.network}")
    source = path or os.environ.get(VGG16_VARIABLE)
    if not source:
        raise ValueError(
            f"weights '{name}' are put on VGG-16 of ImageNet, which is not among them: give vgg16, "
            f"or set the environment variable {VGG16_VARIABLE}, to the path of "
            "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5, or to 'imagenet', which Keras "
            "downloads"
        )
    arrays = vgg16(str(source))
    own = checksum(arrays)
    if own != frozen.sha256:
        raise ValueError(
            f"vgg16 of weights '{name}' must hold the values with the SHA-256 {frozen.sha256}; "
            f"those of {source} have {own}"
        )
    missing = set(frozen.arrays.values()) - set(arrays)
    if missing:
        raise ValueError(f"weights '{name}' name arrays that VGG-16 lacks: {sorted(missing)}")
    return {place: arrays[array] for place, array in frozen.arrays.items()}


@functools.lru_cache(maxsize=1)
def vgg16(source: str) -> Mapping[str, np.ndarray]:
    """Returns the arrays of VGG-16 by name, see `zoo.layers.vgg.read_weights`."""
    from zoo.layers import vgg

    return vgg.read_weights(source)


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of names, shapes and values, whatever the layout of their file."""
    digest = hashlib.sha256()
    for name, value in sorted(arrays.items()):
        digest.update(f"{name} {value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()
