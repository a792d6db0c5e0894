"""Training in two stages: features of a frozen network, computed once, and a head on them.

`trainers.training.loop` trains the head on a dataset with "features" in place of "image".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset
from trainers.datasets.in_memory import columns_of, map_rows
from trainers.distribution import strategy as strategies
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.training import feature_cache
from trainers.training.feature_cache import FeatureFiles
from zoo.model import SAMPLE_WEIGHT, ZooModel

__all__ = [
    "FeatureDataset",
    "check_class",
    "feature_dataset",
    "feature_function",
    "feature_key",
]


class FeatureDataset(Dataset):
    """Features on disk, in the order of the images.

    Args:
        dataset: The dataset of the images, labels and weights.
        files: Files of each copy by split; epoch e reads copy e mod copies.
        labelled: Whether batches have labels.
    """

    def __init__(
        self, dataset: Dataset, files: Mapping[str, Sequence[FeatureFiles]], labelled: bool
    ):
        self.spec = dataset.spec
        self.skipped = dataset.skipped
        self.num_examples = {split: copies[0].number for split, copies in files.items()}
        self._files = files
        further = ["label"] * labelled
        further += [name for name in self.spec.feature_names if name == SAMPLE_WEIGHT]
        self._columns = {
            split: {name: dataset.column(split, name) for name in further} for split in files
        }

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        """Returns batches {"features": float32, "label": int32}; see `Dataset.read`."""
        copies = self._files[split]
        files = copies[batching.epoch % len(copies)]
        columns = {"features": files.tensor(), **columns_of(self._columns[split], batching)}

        def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return {name: tf.gather(values, rows) for name, values in columns.items()}

        return map_rows(self.num_examples[split], batching, gather)

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        """Returns "features", any "label" and any weights of the first examples, in order."""
        arrays = {"features": np.array(self._files[split][0].array()[:limit])}
        return arrays | {name: values[:limit] for name, values in self._columns[split].items()}


def check_class(model_class: type[ZooModel]) -> None:
    """Raises UserError if models of a class cannot be trained in two stages.

    That needs `features(images)` and `features_key()`, a `head` with all trainable weights, and
    steps that accept batches with "features" in place of "image".
    """
    for method in ("features", "features_key"):
        if not hasattr(model_class, method):
            raise UserError(
                f"`trainer=two_stage`: model '{model_class.registry_name}' has no {method}()"
            )


def _check_model(model: ZooModel) -> None:
    check_class(type(model))
    name = model.registry_name
    if model.augment:
        raise UserError(
            f"`hp` augment of model '{name}' must be false with `trainer=two_stage`: it would not "
            f"reach the features; `shear`, `zoom`, `shift`, `rotation` and `flip` do"
        )
    head = {id(variable) for variable in model.head.trainable_variables}
    others = [v.path for v in model.trainable_variables if id(v) not in head]
    if others:
        raise UserError(
            f"`trainer=two_stage`: of model '{name}' more than the head is trained, for instance "
            f"'{others[0]}'; freeze the rest, or `trainer=end_to_end`"
        )


def feature_dataset(
    model: ZooModel, dataset: Dataset, config: RunConfig, strategy: tf.distribute.Strategy
) -> FeatureDataset:
    """Returns the features of the training and validation images, computed unless they are on disk.

    Each split and copy has a folder in `config.features_dir`, named by a hash of `feature_key`.
    Copy k holds the images of epoch k.

    Args:
        model: The model, adapted, with a frozen network below its head.
        dataset: The images.
        config: The run.
        strategy: The strategy; its chief computes on one device, and the other workers wait.

    Raises:
        UserError: if the model cannot be trained in two stages.
        TrainingError: if a feature is not finite.
    """
    _check_model(model)
    network = feature_function(model, dataset.spec.image_shape, config.jit)
    files = {}
    with strategies.chief_first(strategy) as chief:
        for split in ("train", "validation"):
            number = dataset.num_examples.get(split, 0)
            if not number:
                continue
            files[split] = []
            of_split = feature_key(model, dataset, split, config.mixed_precision, config.jit)
            for copy in range(config.feature_copies if split == "train" else 1):
                key = of_split | {"copy": copy}
                folder = feature_cache.folder_of(config.features_dir, key)
                files[split].append(FeatureFiles(folder, number))
                if chief:
                    feature_cache.fill(
                        files[split][-1],
                        key,
                        _in_order(dataset, split, copy),
                        network,
                        f"features of {split}" + f", copy {copy + 1}" * (config.feature_copies > 1),
                    )
    return FeatureDataset(dataset, files, labelled=model.task == "classification")


def feature_key(
    model: ZooModel, dataset: Dataset, split: str, precision: str = "none", jit: bool = False
) -> dict[str, Any]:
    """Returns everything on which the features of a split depend, as JSON types.

    Args:
        model: The model.
        dataset: The images.
        split: Name of the split.
        precision: `RunConfig.mixed_precision`. Default "none".
        jit: Whether the network is compiled with XLA. Default False.
    """
    return {
        "data": dataclasses.asdict(dataset.spec),
        "split": split,
        "number": dataset.num_examples[split],
        "fingerprint": dataset.fingerprint(split),
        "model": model.registry_name,
        "network": model.features_key(),
        "precision": precision,
        "jit": jit,
    }


def feature_function(
    model: ZooModel, image_shape: Sequence[int], jit: bool = False
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns the graph from images, (batch, *image_shape), to their features in float32.

    Args:
        model: The model, adapted, with a frozen network below its head.
        image_shape: (height, width, bands).
        jit: Whether the graph is compiled with XLA. Default False.
    """
    return tf.function(
        lambda images: tf.cast(model.features(images), tf.float32),
        input_signature=[tf.TensorSpec((None, *image_shape), tf.float32)],
        jit_compile=jit,
    )


def _in_order(dataset: Dataset, split: str, epoch: int) -> Callable[[], tf.data.Dataset]:
    return lambda: dataset.batches(split, feature_cache.BATCH, epoch=epoch, labels=False)
