"""Information content of latents."""

from __future__ import annotations

import numpy as np

__all__ = ["information", "most_informative"]

# Least signal fraction of a latent that the encoder uses.
ACTIVE = 0.05


def information(mean: np.ndarray, stddev: np.ndarray | None = None) -> np.ndarray:
    """Returns, for each latent, the fraction of its variance that is between objects.

        information = V / (V + <stddev^2>),   V = variance of the posterior means over objects

    It is 0 where the posterior has collapsed to the prior and 1 where nothing is uncertain, and
    does not depend on the scale of the latent.

    Args:
        mean: (number, dimension) means of the posteriors.
        stddev: (number, dimension) their standard deviations; None for none.

    Returns:
        (dimension,) in [0, 1].
    """
    between = mean.var(axis=0)
    within = np.zeros_like(between) if stddev is None else (stddev.astype(np.float64) ** 2).mean(0)
    total = between + within
    return np.where(total > 0, between / np.where(total > 0, total, 1), 0.0)


def most_informative(
    mean: np.ndarray, stddev: np.ndarray | None = None, number: int | None = None
) -> np.ndarray:
    """Returns the indices of the active latents, the most informative first; one at least.

    Args:
        mean: (number, dimension) means of the posteriors.
        stddev: (number, dimension) their standard deviations; None for none.
        number: Latents at most; None for all that are active.
    """
    values = information(mean, stddev)
    # Equal information, as of an autoencoder, is ordered by variance.
    order = np.lexsort((-mean.var(axis=0), -np.round(values, 6)))
    active = order[values[order] > ACTIVE]
    return (active if len(active) else order[:1])[:number]
