"""Predictions of models and labels of SEP for stamps, batch by batch and kept in files."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth, blended_class
from trainers.datasets import content_hashes
from trainers.datasets.dataset import Dataset
from trainers.errors import UserError
from trainers.evaluators.statistics.photometry import reference_band
from trainers.reproduce.grid import Sample
from trainers.storage.atomic_files import write_atomically
from trainers.training import feature_cache
from trainers.training.feature_cache import FeatureFiles
from trainers.training.two_stage import feature_function, feature_key
from zoo.model import ZooModel

__all__ = ["blended_probability", "check", "sample"]

_BATCH = 256
_SEP_STAMPS = 8192
_TRUTH = ("separation", "offset_x", "offset_y")


def check(dataset: Dataset) -> None:
    """Raises UserError if a dataset does not have blends with their truth."""
    arrays = dataset.arrays(next(iter(dataset.num_examples)), limit=1)
    if blended_class(dataset.spec.class_names) is None or not set(_TRUTH) <= set(arrays):
        raise UserError(
            f"dataset '{dataset.spec.name}' must have isolated and blended stamps, with the "
            f"features {', '.join(_TRUTH)}; its classes are {list(dataset.spec.class_names)}"
        )


def sample(dataset: Dataset, splits: Sequence[str], path: Path) -> Sample:
    """Returns the truth of stamps and the labels of SEP, computed unless they are on disk.

    Args:
        dataset: Stamps with noise.
        splits: Splits, one after the other.
        path: File of the result.
    """
    fields = [field.name for field in dataclasses.fields(BlendTruth)]

    def compute() -> dict[str, np.ndarray]:
        parts = {name: [] for name in (*fields, "sep")}
        for stamps, truth in _stamps(dataset, splits):
            parts["sep"].append(sep_baseline.classify(stamps, truth.offsets))
            for name in fields:
                parts[name].append(getattr(truth, name))
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}

    arrays = _on_disk(path, _key(dataset, splits), compute)
    return Sample(BlendTruth(*(arrays[name] for name in fields)), arrays["sep"])


def blended_probability(
    model: Callable[[], ZooModel],
    model_file: Path,
    dataset: Dataset,
    splits: Sequence[str],
    path: Path,
    *,
    features_dir: Path | None = None,
    jit: bool = False,
) -> np.ndarray:
    """Returns the probability of a blend, (number,) float32, computed unless it is on disk.

    Args:
        model: Loads the model.
        model_file: File of the model; other contents need another computation.
        dataset: Stamps as the model takes them.
        splits: Splits, one after the other.
        path: File of the result.
        features_dir: Folder of the features of frozen networks, which several models share; None
            to keep no features.
        jit: Whether the network is compiled with XLA. Default False.
    """

    def compute() -> dict[str, np.ndarray]:
        loaded = model()
        names = dataset.spec.class_names
        column = list(loaded.class_names).index(names[blended_class(names)])
        if features_dir is not None and hasattr(loaded, "features_key"):
            pieces = _from_features(loaded, dataset, splits, features_dir, jit)
        else:
            pieces = _from_images(loaded, dataset, splits, jit)
        probability = np.concatenate([piece[:, column] for piece in pieces]).astype(np.float32)
        if not np.isfinite(probability).all():
            raise UserError(f"{model_file}: probabilities of '{dataset.spec.name}' are not finite")
        return {"probability": probability}

    key = _key(dataset, splits) + content_hashes.of_file(model_file)
    return _on_disk(path, key, compute)["probability"]


def _from_images(
    model: ZooModel, dataset: Dataset, splits: Sequence[str], jit: bool
) -> Iterator[np.ndarray]:
    signature = [tf.TensorSpec((None, *dataset.spec.image_shape), tf.float32)]
    answer = tf.function(
        lambda images: model(images)["probability"], input_signature=signature, jit_compile=jit
    )
    for split in splits:
        for batch in dataset.batches(split, _BATCH, labels=False):
            yield answer(batch["image"]).numpy()


def _from_features(
    model: ZooModel, dataset: Dataset, splits: Sequence[str], folder: Path, jit: bool
) -> Iterator[np.ndarray]:
    network = feature_function(model, dataset.spec.image_shape, jit)
    head = tf.function(model.classify, reduce_retracing=True)
    for split in splits:
        key, number = feature_key(model, dataset, split, jit=jit), dataset.num_examples[split]
        files = FeatureFiles(feature_cache.folder_of(folder, key), number)
        feature_cache.fill(
            files,
            key,
            functools.partial(dataset.batches, split, feature_cache.BATCH, labels=False),
            network,
            title=f"features of {dataset.spec.name}, {split}",
        )
        features = files.array()
        for start in range(0, number, _BATCH):
            yield head(tf.constant(features[start : start + _BATCH])).numpy()


def _stamps(dataset: Dataset, splits: Sequence[str]) -> Iterator[tuple[np.ndarray, BlendTruth]]:
    label = blended_class(dataset.spec.class_names)
    several = "num_sources" in dataset.arrays(splits[0], limit=1)
    names = (*_TRUTH, *(("num_sources",) if several else ()))
    band = reference_band(dataset.spec.bands)
    for split in splits:
        for batch in dataset.batches(split, _SEP_STAMPS, features=names):
            arrays = {name: values.numpy() for name, values in batch.items()}
            yield arrays["image"][..., band], BlendTruth.from_arrays(arrays, label)


def _key(dataset: Dataset, splits: Sequence[str]) -> str:
    return json.dumps({split: dataset.fingerprint(split) for split in splits})


def _on_disk(
    path: Path, key: str, compute: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Returns the arrays of a file, computed and written first unless the file has the same key."""
    with contextlib.suppress(Exception), np.load(path) as file:  # Whatever NumPy raises.
        if str(file["key"]) == key:
            return dict(file)
    arrays = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda file: np.savez_compressed(file, key=key, **arrays))
    return arrays
