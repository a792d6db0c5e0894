"""Training-set statistics for model constructors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import UserError
from trainers.options.run import RunConfig

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["of_training"]


def of_training(
    config: RunConfig, dataset: Dataset, hyperparameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns the statistics of the training split that a model's constructor takes.

    As arguments they are part of the model, the same in a resumed run and on all replicas.

    Args:
        config: The run.
        dataset: The data.
        hyperparameters: Arguments of the constructor.

    Raises:
        UserError: if `hp` target is not a feature with one number for each object, or constant.
    """
    spec, statistics = dataset.spec, {}
    if "class_counts" in hyperparameters and spec.class_names:
        labels = dataset.column("train", "label")
        statistics["class_counts"] = np.bincount(labels, minlength=len(spec.class_names)).tolist()
    target = config.hp.get("target")
    if "target_moments" in hyperparameters and target in spec.feature_names:
        statistics["target_moments"] = _moments(target, dataset.column("train", target))
    return statistics


def _moments(target: str, values: np.ndarray) -> list[float]:
    """Returns mean and standard deviation of the finite values of a feature."""
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise UserError(
            f"`hp` target must be a feature with a number for each object; '{target}' has the "
            f"shape {values.shape[1:]} and the type {values.dtype}"
        )
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size or not finite.std() > 0:
        raise UserError(
            f"`hp` target must be a feature that varies; of '{target}' {finite.size} of "
            f"{len(values)} training examples have a value, {len(np.unique(finite))} different ones"
        )
    return [float(finite.mean()), float(finite.std())]
