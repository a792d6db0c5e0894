"""The physical quantities among the features of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from trainers.evaluators.statistics import photometry

if TYPE_CHECKING:
    from trainers.datasets.dataset import DatasetSpec

__all__ = ["quantities"]

# Features that number things, and have no rank.
_IDENTIFIERS = ("id", "run", "rerun", "camcol", "field", "objid", "plate", "mjd", "fiberid")


def quantities(arrays: Mapping[str, np.ndarray], spec: DatasetSpec) -> dict[str, np.ndarray]:
    """Returns the numeric features, (number,) each; of vectors by band the reference band.

    A feature that is the same in all objects of a class, as the Sersic index of stars, is NaN
    there: it is set, not measured. Identifiers are left out.
    """
    chosen = {}
    for name, values in arrays.items():
        values = np.asarray(values)
        is_label = name == "label" or name.removeprefix("label_") in spec.tasks
        if is_label or name == "image" or name.lower() in _IDENTIFIERS:
            continue
        if values.dtype.kind not in "fiu":
            continue
        if values.ndim == 2 and values.shape[1] == len(spec.bands):
            band = photometry.reference_band(spec.bands)
            name, values = f"{name}_{spec.bands[band]}", values[:, band]
        values = values.reshape(len(values), -1)
        if values.shape[1] != 1:
            continue
        values = values.astype(np.float64)
        if np.isfinite(values).any() and np.nanstd(values) > 0:
            labels = np.asarray(arrays["label"]) if spec.class_names else None
            chosen[name] = _where_measured(values[:, 0], labels)
    return chosen


def _where_measured(values: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
    values = values.copy()
    for label in () if labels is None else np.unique(labels):
        own = labels == label
        if own.sum() > 1 and np.ptp(values[own]) == 0:
            values[own] = np.nan
    return values
