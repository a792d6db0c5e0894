"""Numbers of an object from photometry alone: a forest, nearest neighbours, a dense network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.evaluators.statistics import few_shot
from trainers.evaluators.statistics.photometry import are_measured

__all__ = ["BASELINES", "NETWORK", "colours", "predict"]

BASELINES = ("forest", "neighbours")
"""Methods on magnitudes, in the order of the tables."""

NETWORK = "network"
"""A method for many numbers, such as colours through several apertures."""


def colours(
    magnitudes: np.ndarray, reference: int, further: Sequence[np.ndarray] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Returns colours of adjacent bands, the reference magnitude and further numbers.

    Args:
        magnitudes: (number, bands). One that is not measured, see
            `trainers.evaluators.statistics.photometry.are_measured`, becomes the faintest of its
            band: mostly it is a flux below 0.
        reference: The band whose magnitude counts.
        further: Other numbers for each object, (number,) each.

    Returns:
        (number, bands + further); and whether all magnitudes of an object are there, (number,).
    """
    magnitudes = np.array(magnitudes, np.float64)
    measured = are_measured(magnitudes)
    for band, good in enumerate(measured.T):
        faintest = magnitudes[good, band].max(initial=0.0)
        magnitudes[~good, band] = faintest
    columns = [magnitudes[:, :-1] - magnitudes[:, 1:], magnitudes[:, reference], *further]
    return np.column_stack(columns), measured.all(axis=1)


def predict(
    method: str, train: np.ndarray, targets: np.ndarray, test: np.ndarray, seed: int
) -> np.ndarray:
    """Returns what is expected of test objects, in the shape of `targets`.

    Args:
        method: One of `BASELINES`; or `NETWORK`, see
            `trainers.evaluators.statistics.dense_network.predict`.
        train: What is known of the training objects, such as what `colours` returns,
            (number, length).
        targets: Their true values, (number,) or (number, several).
        test: What is known of the test objects, (others, length).
        seed: Of the forest and the network.
    """
    scale = train.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    options = {"classes": False, "seed": seed}
    return few_shot.predict(method, train / scale, targets, test / scale, **options)
