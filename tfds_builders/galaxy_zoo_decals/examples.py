"""Labels and features that all configurations share."""

from __future__ import annotations

from typing import Any

import tensorflow_datasets as tfds

from tfds_builders.galaxy_zoo_decals.configs import GalaxyZooConfig
from tfds_builders.galaxy_zoo_decals.labels import (
    MORPHOLOGIES,
    TASKS,
    DecisionTree,
    morphology,
    task_labels,
)

__all__ = ["class_names", "label_features", "labelled"]


def class_names(config: GalaxyZooConfig) -> tuple[str, ...]:
    """Returns the names of the classes of `label`."""
    return TASKS[config.task] if config.task else MORPHOLOGIES


def label_features(config: GalaxyZooConfig) -> dict[str, tfds.features.FeatureConnector]:
    """Returns `label` and a feature for each task, -1 where a galaxy has no label in it."""
    features = {"label": tfds.features.ClassLabel(names=list(class_names(config)))}
    for task, names in TASKS.items():
        features[f"label_{task}"] = tfds.features.ClassLabel(names=list(names))
    return features


def labelled(
    example: dict[str, Any], config: GalaxyZooConfig, tree: DecisionTree
) -> dict[str, Any] | None:
    """Returns an example with its labels, or None if it has none in the task that is asked for.

    Args:
        example: With "fractions", and "total_votes" if there are votes.
        config: Which task and cuts.
        tree: Whose answers the fractions are.
    """
    fractions = example["fractions"]
    labels = task_labels(
        fractions,
        tree,
        cuts=config.cuts,
        totals=example.get("total_votes"),
        min_votes=config.min_votes,
    )
    numbers = {f"label_{task}": int(label) for task, label in labels.items()}
    label = int(labels[config.task]) if config.task else int(morphology(fractions, tree))
    if label < 0:
        return None
    return example | numbers | {"label": label}
