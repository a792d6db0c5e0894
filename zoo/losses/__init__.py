"""Losses between images: (batch, height, width, bands) in, one float32 value per image out."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import tensorflow as tf

from zoo.losses.likelihoods import bernoulli, gaussian, inverse_variance, student_t
from zoo.losses.pixelwise import huber, l1, mse
from zoo.losses.similarity import ms_ssim, ssim

__all__ = [
    "bernoulli",
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

# Those that need nothing beside target and prediction.
_BY_NAME = {"bernoulli": bernoulli, "huber": huber, "l1": l1, "mse": mse} | {
    "ms_ssim": ms_ssim,
    "ssim": ssim,
}


def get(name: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns the loss of that name, a function of target and prediction.

    Raises:
        ValueError: if the name is unknown; the message lists the names and the nearest one.
    """
    if name not in _BY_NAME:
        nearest = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
        hint = f" (did you mean '{nearest[0]}'?)" if nearest else ""
        raise ValueError(f"unknown loss '{name}'{hint}; known: {', '.join(sorted(_BY_NAME))}")
    return _BY_NAME[name]
