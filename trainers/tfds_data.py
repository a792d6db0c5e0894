"""The project's own datasets, built and read by TFDS."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

import tfds_builders
from trainers.data import SPLITS, Dataset, DatasetSpec, check_pixels
from trainers.errors import UserError
from trainers.in_memory import InMemoryDataset

__all__ = ["StreamedDataset", "load"]

# Examples among which the order of a streamed dataset is mixed, beside that of its files.
_SHUFFLE_BUFFER = 8192
_READ_BATCH = 256


def load(
    name: str,
    *,
    data_dir: str | Path | None,
    manual_dir: str | Path | None,
    max_examples: int | None,
    on_error: str,
    cache_bytes: int,
) -> Dataset:
    """Builds the dataset if it is not there yet, and reads it; see `trainers.data.load`."""
    dataset, _, config = name.partition("/")
    try:
        builder = tfds_builders.builder(dataset, config=config or None, data_dir=data_dir)
    except ValueError as error:
        raise UserError(f"--dataset {name}: {error}; or 'image_folder'") from None
    if not Path(builder.data_dir).exists():
        _build(builder, name, manual_dir)
    spec = _spec(builder, name)
    numbers = {split: builder.info.splits[split].num_examples for split in SPLITS}
    if max_examples is not None:
        numbers = {split: min(number, max_examples) for split, number in numbers.items()}
    size = 4 * sum(numbers.values()) * int(np.prod(spec.image_shape))
    if size > cache_bytes:
        return StreamedDataset(builder, spec, numbers)
    splits, skipped = {}, []
    total = sum(numbers.values())
    with tqdm(total=total, desc=f"reading {name}", unit="image", disable=None) as bar:
        for split, number in numbers.items():
            splits[split], lines = _read(builder, split, number, on_error, bar)
            skipped += lines
    if skipped:
        print(f"{name}: left out {len(skipped)} of {total} images", file=sys.stderr)
    return InMemoryDataset(spec, splits, skipped)


class StreamedDataset(Dataset):
    """A dataset that is read from disk at every epoch, for what memory does not hold.

    Args:
        builder: TFDS builder, prepared.
        spec: What the dataset is.
        num_examples: Examples of each split that are used, from its start.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, spec: DatasetSpec, num_examples: dict[str, int]
    ):
        self.spec = spec
        self.num_examples = num_examples
        self.skipped = ()
        self._builder = builder

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        number = min(self.num_examples[split], limit or self.num_examples[split])
        return _read(self._builder, split, number, "raise", bar=None)[0]

    def batches(
        self,
        split: str,
        batch_size: int,
        *,
        shuffle_seed: int | None = None,
        epoch: int = 0,
        start_batch: int = 0,
        drop_remainder: bool = False,
        labels: bool = True,
        shard: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        examples = self._builder.as_dataset(
            split=f"{split}[:{self.num_examples[split]}]",
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        if shuffle_seed is not None:
            mixed = int(np.random.SeedSequence((shuffle_seed, epoch)).generate_state(1)[0])
            examples = examples.shuffle(_SHUFFLE_BUFFER, seed=mixed)
        labelled = labels and bool(self.spec.class_names)
        index, count = shard
        share = batch_size // count

        def keep(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            kept = {"image": tf.cast(batch["image"], tf.float32)}
            if labelled:
                kept["label"] = tf.cast(batch["label"], tf.int32)
            if count == 1:
                return kept
            return {name: rows[index * share : (index + 1) * share] for name, rows in kept.items()}

        batches = examples.batch(batch_size, drop_remainder=drop_remainder or count > 1)
        return batches.skip(start_batch).map(keep, num_parallel_calls=2).prefetch(2)


def _build(builder: tfds.core.DatasetBuilder, name: str, manual_dir: str | Path | None) -> None:
    print(f"building {name} in {builder.data_dir}", flush=True)
    config = tfds.download.DownloadConfig(
        manual_dir=None if manual_dir is None else str(manual_dir)
    )
    try:
        builder.download_and_prepare(download_config=config)
    except (ValueError, AssertionError, FileNotFoundError) as error:
        raise UserError(f"--dataset {name}: {error}") from error


def _spec(builder: tfds.core.DatasetBuilder, name: str) -> DatasetSpec:
    features, metadata = builder.info.features, builder.info.metadata or {}
    fractions = metadata.get("class_fractions")
    return DatasetSpec(
        name=name,
        image_shape=tuple(features["image"].shape),
        bands=tuple(metadata["bands"]),
        pixel_scale=metadata.get("pixel_scale"),
        units=metadata["units"],
        class_names=tuple(features["label"].names) if "label" in features else (),
        class_fractions=tuple(fractions) if fractions else None,
    )


def _read(
    builder: tfds.core.DatasetBuilder, split: str, number: int, on_error: str, bar: tqdm | None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Returns the arrays of the first examples of a split, and a line for each left out."""
    arrays: dict[str, np.ndarray] = {}
    lines: list[str] = []
    kept = 0
    for batch in _batches(builder, split, number):
        ids = [str(value) for value in batch["id"]]
        good, bad = check_pixels(batch["image"], ids, on_error)
        lines += bad
        rows = int(good.sum())
        for name, values in batch.items():
            if name not in arrays:
                # One allocation: images held twice would double the memory.
                arrays[name] = np.empty((number, *values.shape[1:]), values.dtype)
            arrays[name][kept : kept + rows] = values[good]
        kept += rows
        if bar is not None:
            bar.update(len(good))
    return {name: values[:kept] for name, values in arrays.items()}, lines


def _batches(
    builder: tfds.core.DatasetBuilder, split: str, number: int
) -> Iterator[dict[str, Any]]:
    examples = builder.as_dataset(
        split=f"{split}[:{number}]", read_config=tfds.ReadConfig(try_autocache=False)
    )
    for batch in tfds.as_numpy(examples.batch(_READ_BATCH).prefetch(2)):
        flat = {name: values for name, values in batch.items() if isinstance(values, np.ndarray)}
        flat["image"] = flat["image"].astype(np.float32, copy=False)
        flat["id"] = np.array([value.decode() for value in flat["id"]], object)
        yield flat
