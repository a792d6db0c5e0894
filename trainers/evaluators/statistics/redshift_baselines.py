"""Redshifts from magnitudes alone, by a random forest and by nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor

__all__ = ["BASELINES", "colours", "predict"]

BASELINES = ("forest", "neighbours")
"""Methods, in the order of the tables."""

# Magnitudes outside of these are none: -9999 and 99 stand for what was not measured.
_BRIGHTEST, _FAINTEST = 0.0, 40.0
_TREES, _LEAF = 100, 3
_NEIGHBOURS = 20


def colours(
    magnitudes: np.ndarray, reference: int, further: Sequence[np.ndarray] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Returns colours of adjacent bands, the reference magnitude and further numbers.

    Args:
        magnitudes: (number, bands). One that is not in 0 to 40, such as -9999, becomes the faintest
            of its band: mostly it is a flux below 0.
        reference: The band whose magnitude counts.
        further: Other numbers for each object, (number,) each.

    Returns:
        (number, bands + further); and whether all magnitudes of an object are there, (number,).
    """
    magnitudes = np.array(magnitudes, np.float64)
    measured = (magnitudes > _BRIGHTEST) & (magnitudes < _FAINTEST)
    for band, good in enumerate(measured.T):
        faintest = magnitudes[good, band].max(initial=_BRIGHTEST)
        magnitudes[~good, band] = faintest
    columns = [magnitudes[:, :-1] - magnitudes[:, 1:], magnitudes[:, reference], *further]
    return np.column_stack(columns), measured.all(axis=1)


def predict(
    method: str, train: np.ndarray, redshift: np.ndarray, test: np.ndarray, seed: int
) -> np.ndarray:
    """Returns redshifts of test objects, (number,).

    Args:
        method: One of `BASELINES`.
        train: What `colours` returned of the training objects.
        redshift: Their redshifts.
        test: What `colours` returned of the test objects.
        seed: Of the forest.
    """
    if method == "forest":
        model = RandomForestRegressor(_TREES, min_samples_leaf=_LEAF, random_state=seed, n_jobs=-1)
    else:
        model = KNeighborsRegressor(min(_NEIGHBOURS, len(train)), weights="distance")
    scale = train.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return model.fit(train / scale, redshift).predict(test / scale)
