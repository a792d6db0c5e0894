"""Order of the examples in an epoch of training."""

from __future__ import annotations

import numpy as np

__all__ = ["epoch_order"]


def epoch_order(number: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the rows of a split in the order of an epoch, which depends on nothing else.

    Args:
        number: Number of examples.
        seed: Seed of the training.
        epoch: Number of the epoch, from 0.
    """
    order = np.arange(number)
    np.random.default_rng((seed, epoch)).shuffle(order)
    return order
