"""The project's own datasets, built and read by TFDS."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.datasets.builders import prepared, spec_of
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset, empty
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.data_options import SPLITS

__all__ = ["StreamedDataset", "load", "stream"]

# Examples among which the order of a streamed dataset is mixed, beside that of its files; fewer if
# they take more memory than this.
_SHUFFLE_BUFFER, _SHUFFLE_BYTES = 8192, 2**30
_READ_BATCH = 256


def load(
    name: str,
    *,
    data_dir: str | Path | None,
    manual_dir: str | Path | None,
    max_examples: Mapping[str, int] | None,
    image_shape: tuple[int, int, int] | None,
    classes: ClassChoice | None,
    on_error: str,
    cache_bytes: int,
) -> Dataset:
    """Reads the dataset, and builds it first if missing; see `trainers.datasets.loading.load`."""
    builder = prepared(name, data_dir, manual_dir, on_error)
    spec = spec_of(builder, name)
    if image_shape is not None and image_shape != spec.image_shape:
        raise UserError(f"`image_shape` of '{name}' must be {spec.image_shape}; got {image_shape}")
    relabel = None
    if classes is not None:
        relabel = classes.labels(spec.class_names)
        spec = dataclasses.replace(spec, class_names=classes.names, class_fractions=None)
    numbers = {split: builder.info.splits[split].num_examples for split in SPLITS}
    if max_examples is not None:
        numbers = {split: min(number, max_examples[split]) for split, number in numbers.items()}
    skipped = [str(line) for line in (builder.info.metadata or {}).get("left_out", ())]
    total = sum(numbers.values())
    is_small = total * _example_bytes(builder) <= cache_bytes
    reader = _Reader(builder, on_error, relabel)
    splits, kept, labels = {}, {}, {}
    task = "reading" if is_small else "checking"
    with tqdm(total=total, desc=f"{task} {name}", unit="image", disable=None) as bar:
        for split, number in numbers.items():
            if is_small:
                splits[split] = reader.read(split, number, number, bar)
                kept[split] = len(splits[split]["image"])
            else:
                rows = reader.good(split, number, bar, {"id", "image", "label"})
                found = [part.get("label", part["id"]) for part in rows]
                kept[split] = sum(map(len, found))
                labels[split] = np.concatenate(found) if found else np.empty(0, np.int64)
    if not kept["train"]:
        raise UserError(f"`dataset` {name}: none of {numbers['train']} training images is usable")
    if reader.lines:
        print(f"{name}: left out {len(reader.lines)} of {total} images", file=sys.stderr)
    skipped += reader.lines
    if is_small:
        return InMemoryDataset(spec, splits, skipped, partial(content_hashes.of_tfds, builder.info))
    return StreamedDataset(builder, spec, kept, numbers, skipped, relabel, labels)


def stream(
    name: str, *, data_dir: str | Path | None = None, manual_dir: str | Path | None = None
) -> StreamedDataset:
    """Builds the dataset if it is not there yet, and opens it without a look at its images.

    See `trainers.datasets.loading.load` for the Args.

    Raises:
        UserError: if the dataset is unknown, or cannot be built.
    """
    builder = prepared(name, data_dir, manual_dir, "raise")
    numbers = {split: builder.info.splits[split].num_examples for split in SPLITS}
    return StreamedDataset(builder, spec_of(builder, name), numbers)


class StreamedDataset(Dataset):
    """A dataset that is read from disk at every epoch, for what memory does not hold.

    Args:
        builder: TFDS builder, prepared.
        spec: What the dataset is.
        num_examples: Usable examples of each split among those read.
        numbers: Examples of each split that are read, from its start; default all usable.
        skipped: What is left out, one line each.
        relabel: Label of each class of the builder, -1 for one that is left out; None to keep
            labels as they are.
        labels: Those of the usable examples, by split, where they are known.
    """

    def __init__(
        self,
        builder: tfds.core.DatasetBuilder,
        spec: DatasetSpec,
        num_examples: dict[str, int],
        numbers: dict[str, int] | None = None,
        skipped: Sequence[str] = (),
        relabel: np.ndarray | None = None,
        labels: Mapping[str, np.ndarray] | None = None,
    ):
        self.spec = spec
        self.num_examples = num_examples
        self.skipped = tuple(skipped)
        self._builder = builder
        self._numbers = numbers or num_examples
        self._relabel = relabel
        self._labels = labels if labels and spec.class_names else {}

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        wanted = self.num_examples[split]
        wanted = wanted if limit is None else min(wanted, limit)
        return _Reader(self._builder, "skip", self._relabel).read(
            split, self._numbers[split], wanted
        )

    def column(self, split: str, name: str) -> np.ndarray:
        if name == "label":
            known = split in self._labels
            return self._labels[split] if known else super().column(split, name)
        return self.columns(split, (name,))[name]

    def columns(self, split: str, names: Sequence[str]) -> dict[str, np.ndarray]:
        number = self._numbers[split]
        if "label" in names or self.num_examples[split] < number:
            # Labels may be others than the stored ones, and the pixels decide what is usable.
            return {name: super(StreamedDataset, self).column(split, name) for name in names}
        examples = _examples(self._builder, split, number, None, {*names}).batch(_READ_BATCH)
        parts = list(tfds.as_numpy(examples))
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def stored_content(self, split: str) -> str:
        return content_hashes.of_tfds(self._builder.info, split)

    def _content(self, split: str) -> str:
        info, labels = self._builder.info, np.asarray(self._relabel).tolist()
        files = content_hashes.of_files(info.splits[split].filepaths)
        return f"{info.full_name} {self._numbers[split]} {labels} {files}"

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        held = self._builder.info.features
        for name in batching.features:
            if name not in held:
                raise ValueError(f"features must be among {', '.join(held)}; got '{name}'")
        index, count = batching.shard
        part = slice(index * batching.share, (index + 1) * batching.share)
        labelled = batching.labels and bool(self.spec.class_names)
        mixed = None
        if batching.shuffle_seed is not None:
            seeds = np.random.SeedSequence((batching.shuffle_seed, batching.epoch))
            mixed = int(seeds.generate_state(1)[0])
        names = {"image", *batching.features}
        if labelled or self._relabel is not None:
            names.add("label")
        examples = _examples(self._builder, split, self._numbers[split], mixed, names)
        if self._relabel is not None:
            new = tf.constant(self._relabel)
            examples = examples.map(lambda example: example | {"label": new[example["label"]]})
            examples = examples.filter(lambda example: example["label"] >= 0)
        is_float = tf.as_dtype(held["image"].dtype).is_floating
        if is_float and self.num_examples[split] < self._numbers[split]:
            examples = examples.filter(
                lambda example: tf.reduce_all(tf.math.is_finite(example["image"]))
            )
        if mixed is not None:
            buffer = _SHUFFLE_BYTES // _example_bytes(self._builder, names, float_images=False)
            examples = _mixed(examples, mixed, min(_SHUFFLE_BUFFER, max(buffer, 1)))

        def keep(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            kept = {name: batch[name] for name in batching.features}
            kept["image"] = tf.cast(batch["image"], tf.float32)
            if labelled:
                kept["label"] = tf.cast(batch["label"], tf.int32)
            return kept if count == 1 else {name: rows[part] for name, rows in kept.items()}

        batches = examples.batch(batching.batch_size, drop_remainder=batching.only_whole)
        return batches.skip(batching.start_batch).map(keep, num_parallel_calls=2).prefetch(2)

    def rows(self, split: str, start: int, stop: int) -> Iterator[dict[str, Any]]:
        """Yields examples as they are stored, in the order of the files, unchecked.

        Args:
            split: One of `SPLITS`.
            start: First example, counted from 0.
            stop: The one after the last.
        """
        # One file after the other: otherwise the order depends on where it starts.
        config = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
        yield from tfds.as_numpy(
            self._builder.as_dataset(split=f"{split}[{start}:{stop}]", read_config=config)
        )


class _Reader:
    """Reads examples as arrays.

    Args:
        builder: TFDS builder, prepared.
        on_error: "raise", or "skip" to leave out examples with pixels that are not finite.
        relabel: As `StreamedDataset` has it.

    Attributes:
        lines: One for each example left out.
    """

    def __init__(
        self, builder: tfds.core.DatasetBuilder, on_error: str, relabel: np.ndarray | None = None
    ):
        self.lines: list[str] = []
        self._builder = builder
        self._on_error = on_error
        self._relabel = relabel

    def read(
        self, split: str, number: int, wanted: int, bar: tqdm | None = None
    ) -> dict[str, np.ndarray]:
        """Returns the first `wanted` usable examples among the first `number` of a split."""
        arrays: dict[str, np.ndarray] = {}
        kept = 0
        for batch in self.good(split, number, bar):
            rows = min(len(batch["id"]), wanted - kept)
            for name, values in batch.items():
                if name not in arrays:
                    # One allocation: images held twice would double the memory.
                    make = empty if name == "image" else np.empty
                    arrays[name] = make((wanted, *values.shape[1:]), values.dtype)
                arrays[name][kept : kept + rows] = values[:rows]
            kept += rows
            if kept == wanted:
                break
        return {name: values[:kept] for name, values in arrays.items()}

    def good(
        self, split: str, number: int, bar: tqdm | None = None, names: Set[str] | None = None
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yields the usable examples among the first `number` of a split, some at a time.

        Args:
            split: One of `SPLITS`.
            number: Examples that are read.
            bar: Which shows how many.
            names: Features that are read, "id" and "image" among them; None for all.

        Raises:
            OSError: if its files are damaged.
            UserError: at an image with pixels that are not finite under "raise".
        """
        for batch in self._batches(split, number, names):
            flat = {name: rows for name, rows in batch.items() if isinstance(rows, np.ndarray)}
            read = len(flat["image"])
            if self._relabel is not None:
                flat["label"] = self._relabel[flat["label"]]
                chosen = flat["label"] >= 0
                flat = {name: rows[chosen] for name, rows in flat.items()}
            flat["image"] = flat["image"].astype(np.float32, copy=False)
            flat["id"] = np.array([value.decode() for value in flat["id"]], object)
            finite = np.isfinite(flat["image"])
            good = finite.all(axis=(1, 2, 3))
            for row in np.flatnonzero(~good):
                bad = finite[row].size - np.count_nonzero(finite[row])
                line = f"{flat['id'][row]}: {bad} of {finite[row].size} pixels are NaN or infinite"
                if self._on_error == "raise":
                    raise UserError(f"{line} (`on_error='skip'` leaves such images out)")
                self.lines.append(line)
            if bar is not None:
                bar.update(read)
            yield flat if good.all() else {name: rows[good] for name, rows in flat.items()}

    def _batches(
        self, split: str, number: int, names: Set[str] | None
    ) -> Iterator[dict[str, np.ndarray]]:
        examples = _examples(self._builder, split, number, seed=None, names=names)
        found = 0
        try:
            for batch in tfds.as_numpy(examples.batch(_READ_BATCH).prefetch(2)):
                found += len(batch["id"])
                yield batch
            problem = None if found == number else f"it has {found} of {number} examples"
        except tf.errors.OpError as error:
            problem = error.message.split("}} ")[-1]
        if problem is not None:
            info = self._builder.info
            raise OSError(
                f"split '{split}' of {info.full_name} is damaged: {problem}; delete "
                f"{self._builder.data_dir}, and it is built again"
            )


def _example_bytes(
    builder: tfds.core.DatasetBuilder, names: Set[str] | None = None, float_images: bool = True
) -> int:
    """Returns the memory of an example in some of its features, or in all.

    Args:
        builder: TFDS builder, prepared.
        names: Features that count; None for all.
        float_images: Whether images are held as float32, else in the type in which they are stored.
    """
    total = 0
    for name, info in builder.info.features.get_tensor_info().items():
        if names is None or name in names:
            for part in tf.nest.flatten(info):
                as_float = name == "image" and float_images
                size = 4 if as_float else tf.as_dtype(part.dtype).size
                # Texts and the like have lengths of their own, which are short.
                total += size * int(np.prod([side or 1 for side in part.shape]))
    return total


def _examples(
    builder: tfds.core.DatasetBuilder,
    split: str,
    number: int,
    seed: int | None,
    names: Set[str] | None = None,
) -> tf.data.Dataset:
    """Returns the first examples of a split, their files in an order given by the seed.

    Only features of these names are decoded: the others may be many times larger.
    """

    def permuted(files: Sequence[object]) -> list[object]:
        return [files[i] for i in np.random.default_rng(seed).permutation(len(files))]

    config = tfds.ReadConfig(
        try_autocache=False,
        experimental_interleave_sort_fn=None if seed is None else permuted,
    )
    decoders = None
    if names is not None:
        wanted = {name: True for name in builder.info.features if name in names}
        decoders = tfds.decode.PartialDecoding(wanted)
    return builder.as_dataset(split=f"{split}[:{number}]", read_config=config, decoders=decoders)


def _mixed(examples: tf.data.Dataset, seed: int, buffer: int) -> tf.data.Dataset:
    """Returns the examples in an order given by the seed, and by no other seed of the process."""

    def shuffle(_: tf.Tensor) -> tf.data.Dataset:
        # TensorFlow mixes the seed of the graph into that of the dataset. In here it is that of
        # this function's own graph; outside, whatever the process was seeded with.
        tf.random.set_seed(seed)
        return examples.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

    return tf.data.Dataset.from_tensors(0).flat_map(shuffle)
