"""What a supervised model is told of the training examples before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import UserError
from trainers.options.run import RunConfig

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["of_training"]


def of_training(config: RunConfig, dataset: Dataset, known: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a supervised model asks to know of all training examples before it is made.

    As arguments of the constructor they are part of the model: a run that is taken up again, or
    that more replicas share, has the same ones.

    Args:
        config: The run.
        dataset: The data.
        known: Hyperparameters of the model, by name.

    Raises:
        UserError: if `hp` target is no feature that a model can be trained on.
    """
    spec, given = dataset.spec, {}
    if "class_counts" in known and spec.class_names:
        labels = dataset.column("train", "label")
        given["class_counts"] = np.bincount(labels, minlength=len(spec.class_names)).tolist()
    target = config.hp.get("target")
    if "target_moments" in known and target in spec.feature_names:
        given["target_moments"] = _moments(target, dataset.column("train", target))
    return given


def _moments(target: str, values: np.ndarray) -> list[float]:
    """Returns mean and standard deviation of what is known of a feature."""
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise UserError(
            f"`hp` target must be a feature with a number for each object; '{target}' has the "
            f"shape {values.shape[1:]} and the type {values.dtype}"
        )
    known = values[np.isfinite(values)].astype(np.float64)
    if not known.size or not known.std() > 0:
        raise UserError(
            f"`hp` target must be a feature that varies; of '{target}' {known.size} of "
            f"{len(values)} training examples have a value, {len(np.unique(known))} different ones"
        )
    return [float(known.mean()), float(known.std())]
