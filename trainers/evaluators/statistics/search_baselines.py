"""Search between images and spectra by what photometry says of the spectrum."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from trainers.evaluators.statistics import dense_network, pair_ranks
from trainers.evaluators.statistics.pair_ranks import PairRanks

__all__ = ["METHODS", "by_photometry"]

METHODS = ("forest", "network")
"""Methods of `by_photometry`."""

_TREES, _LEAF = 200, 5
# One of so many training objects gives the scatter of the network, and does not train it.
_HELD = 5


def by_photometry(
    method: str,
    train: np.ndarray,
    target: np.ndarray,
    test: np.ndarray,
    truth: np.ndarray,
    seed: int,
) -> tuple[PairRanks, PairRanks]:
    """Returns ranks of the own spectra and images by what a method expects of the spectra.

    Numbers of a spectrum and what is expected of them are compared in units of the scatter of each:
    that of training objects out of the bag, or of a fifth of them from which the network does not
    learn.

    Args:
        method: One of `METHODS`, a random forest or
            `trainers.evaluators.statistics.dense_network.predict`.
        train: Photometry of the training objects, (number, length).
        target: Numbers of their spectra, (number, several).
        test: Photometry of the test objects, (others, length).
        truth: Numbers of their spectra, (others, several).
        seed: Of the method.
    """
    if method == "forest":
        forest = RandomForestRegressor(
            _TREES, min_samples_leaf=_LEAF, oob_score=True, random_state=seed, n_jobs=-1
        ).fit(train, target)
        expected, deviations = forest.predict(test), forest.oob_prediction_ - target
    else:
        is_held = np.arange(len(train)) % _HELD == 0
        rows = np.concatenate([test, train[is_held]])
        answers = dense_network.predict(train[~is_held], target[~is_held], rows, seed)
        expected, held = np.split(answers, [len(test)])
        deviations = held - target[is_held]
    scatter = np.sqrt(np.nanmean(deviations**2, axis=0)) + 1e-12
    return pair_ranks.of_distances(expected / scatter, truth / scatter)
