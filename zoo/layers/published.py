"""Networks of `keras.applications` with published weights, and errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Callable

import keras

__all__ = ["published_network"]


def published_network(
    make: Callable[..., keras.Model], name: str, weights: str, file: str
) -> keras.Model:
    """Returns a network without top, with ImageNet weights or those of a file.

    Args:
        make: Makes the network; takes `include_top` and `weights`.
        name: Name of the network, for errors.
        weights: "imagenet", which Keras downloads once and keeps, or the path of a file.
        file: Description of the file that serves in place of a download, for errors.

    Raises:
        ValueError: if the weights cannot be had or read.
    """
    weights = os.path.expanduser(weights)
    if weights != "imagenet" and not os.path.isfile(weights):
        raise ValueError(
            f"weights must be 'imagenet', 'none' or a path; there is no file '{weights}'"
        )
    try:
        return make(include_top=False, weights=weights)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if weights == "imagenet":
            raise ValueError(
                f"weights 'imagenet' could not be downloaded ({reason}); without a network give "
                f"weights=PATH of {file}, or 'none'"
            ) from None
        raise ValueError(f"weights: {weights} does not hold {name} without top: {reason}") from None
