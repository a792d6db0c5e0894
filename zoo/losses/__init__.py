"""Losses between images: (batch, height, width, bands) in, one float32 value per image out."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from zoo.losses.classification import balanced_weights, classification_terms
from zoo.losses.fluxes import flux_error
from zoo.losses.likelihoods import bernoulli, gaussian, inverse_variance, student_t
from zoo.losses.pixelwise import huber, l1, mse
from zoo.losses.similarity import ms_ssim, ssim
from zoo.suggestions import did_you_mean

__all__ = [
    "BY_NAME",
    "balanced_weights",
    "bernoulli",
    "classification_terms",
    "flux_error",
    "gaussian",
    "get",
    "huber",
    "inverse_variance",
    "l1",
    "ms_ssim",
    "mse",
    "ssim",
    "student_t",
]

BY_NAME: Mapping[str, Callable[..., tf.Tensor]] = {
    loss.__name__: loss for loss in (bernoulli, gaussian, huber, l1, ms_ssim, mse, ssim, student_t)
}
"""The losses that need nothing beside target and prediction."""


def get(name: str, **options: Any) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns the loss of that name, a function of target and prediction.

    Args:
        name: Its name in this package.
        **options: Its further arguments, such as `reduction`; those left out keep their defaults.

    Raises:
        ValueError: if the name is unknown (the message lists the names and the nearest one) or the
            loss has no argument of one of the names of `options`.
    """
    if name not in BY_NAME:
        hint = did_you_mean(name, BY_NAME)
        raise ValueError(f"unknown loss '{name}'{hint}; there are: {', '.join(sorted(BY_NAME))}")
    loss = BY_NAME[name]
    allowed = list(inspect.signature(loss).parameters)[2:]
    for option in options:
        if option not in allowed:
            raise ValueError(
                f"unknown option '{option}' of loss '{name}'; it has: {', '.join(allowed)}"
            )
    return functools.partial(loss, **options)
