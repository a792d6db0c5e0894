"""Scores on a small sample, which a named set of weights must reproduce wherever it is loaded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from trainers.datasets import loading
from trainers.errors import UserError
from trainers.options.cutout_source import CUTOUTS
from trainers.options.data_options import SPLITS
from trainers.options.run import RunConfig

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel
    from zoo.weights import Manifest
    from zoo.weights.manifest import Check

__all__ = ["BATCH", "differences", "make", "sample_config", "scores", "tolerances"]

# Options of a run on which the images of the test split depend.
_DATA_OPTIONS = (
    "classes",
    "data_dir",
    "image_shape",
    "noise_distribution",
    "noise_realisation",
    "noise_sigma",
    "pad",
)

BATCH = 64
"""Examples that are scored at a time."""

# Kernels differ between processors and versions, by far less than this share of a loss.
_LOSS_TOLERANCE = 1e-3


def scores(model: ZooModel, dataset: Dataset, split: str, number: int) -> dict[str, float]:
    """Returns the scores of a model on the first examples of a split.

    Args:
        model: The model.
        dataset: The data.
        split: Name of the split.
        number: Number of examples at most.

    Returns:
        `loss`, the mean of that which the training minimises; for a classifier of labelled data
        `accuracy`, and for two classes `auc`.
    """
    losses, sizes, labels, probabilities = [], [], [], []
    left = number
    inputs = tuple(name for name in model.input_names if name != "image")
    for batch in dataset.batches(split, BATCH, features=(*inputs, *model.targets)):
        batch = batch | {name: tf.cast(batch[name], tf.float32) for name in inputs}
        batch = {name: value[:left] for name, value in batch.items()}
        size = int(batch["image"].shape[0])
        losses.append(float(model.test_step(batch)["loss"]))
        sizes.append(size)
        if "label" in batch:
            labels.append(batch["label"].numpy())
            answer = model(model.select_inputs(batch))
            probabilities += [answer["probability"].numpy()] if "probability" in answer else []
        left -= size
        if left <= 0:
            break
    measured = {"loss": float(np.average(losses, weights=sizes))}
    if labels and probabilities:
        label, probability = np.concatenate(labels), np.concatenate(probabilities)
        measured["accuracy"] = float(np.mean(probability.argmax(axis=-1) == label))
        if probability.shape[-1] == 2 and len(np.unique(label)) == 2:
            measured["auc"] = float(roc_auc_score(label == 1, probability[:, 1]))
    return measured


def tolerances(measured: Mapping[str, float], number: int) -> dict[str, float]:
    """Returns the largest differences that rounding may make.

    Args:
        measured: What `scores` returned.
        number: Number of examples.
    """
    allowed = {
        "loss": _LOSS_TOLERANCE * max(abs(measured["loss"]), 0.01),
        # One object at the threshold.
        "accuracy": 1.01 / number,
        # One object that changes its place with a tenth of those of the other class.
        "auc": 0.4 / number,
    }
    return {name: allowed[name] for name in measured}


def make(model: ZooModel, config: RunConfig, dataset: str, split: str, number: int) -> Check:
    """Returns the check of a run's model.

    Args:
        model: The model, as it is published.
        config: The run.
        dataset: Dataset that is built for the check; for an `image_folder` the folder of the run.
        split: Split whose beginning is the sample.
        number: Examples at most.
    """
    from zoo.weights.manifest import Check

    if dataset == CUTOUTS:
        raise UserError(f"`check_dataset` must be a dataset that others have too; got '{CUTOUTS}'")
    default = RunConfig()
    options = {
        name: value
        for name in _DATA_OPTIONS
        if (value := getattr(config, name)) != getattr(default, name)
    }
    if dataset != "image_folder":
        options.pop("data_dir", None)
    check = Check(dataset, options, split, number, {}, {})
    data = loading.load_for_run(sample_config(config.model, check))
    number = min(number, data.num_examples[split])
    if not number:
        raise UserError(f"`check_dataset={dataset}` has no examples in the split {split}")
    measured = scores(model, data, split, number)
    if "data_dir" in options:
        options["data_dir"] = Path(options["data_dir"]).name
    return dataclasses.replace(
        check, number=number, scores=measured, tolerances=tolerances(measured, number)
    )


def sample_config(model: str, check: Check) -> RunConfig:
    """Returns the run whose dataset holds the sample of a check."""
    # Of the other splits as many as a dataset must have.
    limits = [check.number if split == check.split else 1 for split in SPLITS]
    return RunConfig(model=model, dataset=check.dataset, max_examples=limits, **dict(check.options))


def differences(
    model: ZooModel, manifest: Manifest, data_dir: str | None = None
) -> dict[str, tuple[float, float]]:
    """Returns the scores of a manifest's check that a model does not reproduce.

    Args:
        model: The model.
        manifest: Of the weights.
        data_dir: Folder of TFDS, or of the images of an `image_folder`; None for that of the check.

    Returns:
        For each of these scores the value in the manifest and that of the model.

    Raises:
        UserError: if the manifest has no check, or its data cannot be had.
    """
    check = manifest.check
    if check is None:
        raise UserError(f"weights '{manifest.name}' have no check")
    config = sample_config(manifest.model, check)
    if data_dir is not None:
        config = dataclasses.replace(config, data_dir=data_dir)
    measured = scores(model, loading.load_for_run(config), check.split, check.number)
    return {
        name: (score, measured.get(name, math.nan))
        for name, score in check.scores.items()
        # What is not a number is a difference, too.
        if not abs(measured.get(name, math.nan) - score) <= check.tolerances[name]
    }
