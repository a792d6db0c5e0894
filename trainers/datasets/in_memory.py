"""A dataset whose decoded images are in memory, so that training never waits for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainers.data import Dataset, DatasetSpec

__all__ = ["InMemoryDataset", "check_shard", "columns_of", "empty", "map_rows", "row_order"]

# Tensors begin at a multiple of this many bytes.
_ALIGNMENT = 64


class InMemoryDataset(Dataset):
    """Splits of arrays.

    Args:
        spec: What the dataset is.
        splits: By split, arrays of equal length: "image", "id", "label" if there are labels, and
            further features. The images are kept in the type that they have, so that 8-bit ones
            take a quarter of the room; batches are float32. Those that lie in memory from `empty`
            are kept where they are, others are copied. They must not be changed afterwards.
        skipped: What was left out, one line each.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        splits: dict[str, dict[str, np.ndarray]],
        skipped: Sequence[str] = (),
    ):
        self.spec = spec
        self.skipped = tuple(skipped)
        self.num_examples = {split: len(arrays["image"]) for split, arrays in splits.items()}
        self._features: Mapping[str, dict[str, np.ndarray]] = splits
        # Popped, so that images that have to be copied are not held twice.
        self._images = {split: _aligned(arrays.pop("image")) for split, arrays in splits.items()}
        # The same memory: `tf.constant` would hold three copies for a moment, and keep one.
        self._tensors = {
            split: tf.experimental.dlpack.from_dlpack(images.__dlpack__())
            for split, images in self._images.items()
        }

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        images = self._images[split][:limit].astype(np.float32, copy=False)
        # They may be those that the batches come from.
        images.flags.writeable = False
        features = {name: values[:limit] for name, values in self._features[split].items()}
        return {"image": images, **features}

    def column(self, split: str, name: str) -> np.ndarray:
        return self._features[split][name]

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
        features: Sequence[str] = (),
        shard: tuple[int, int] = (0, 1),
    ) -> tf.data.Dataset:
        order = row_order(
            self.num_examples[split],
            batch_size,
            shuffle_seed=shuffle_seed,
            epoch=epoch,
            start_batch=start_batch,
            drop_remainder=drop_remainder,
            shard=shard,
        )
        images, columns = self._tensors[split], columns_of(self._features[split], labels, features)

        def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            batch = {"image": tf.cast(tf.gather(images, rows), tf.float32)}
            return batch | {name: tf.gather(values, rows) for name, values in columns.items()}

        return map_rows(order, batch_size // shard[1], gather, drop_remainder or shard[1] > 1)


def empty(shape: Sequence[int], dtype: np.dtype | type) -> np.ndarray:
    """Returns an array, as `numpy.empty` does, whose memory a tensor can share."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _aligned(images: np.ndarray) -> np.ndarray:
    flags = images.flags
    if flags.c_contiguous and flags.writeable and images.ctypes.data % _ALIGNMENT == 0:
        return images
    copied = empty(images.shape, images.dtype)
    copied[...] = images
    return copied


def columns_of(
    arrays: Mapping[str, np.ndarray], labels: bool, features: Sequence[str]
) -> dict[str, tf.Tensor]:
    """Returns what batches carry beside the images, for all rows of a split.

    Args:
        arrays: The features of the split.
        labels: Whether the labels are wanted, if there are any.
        features: Names of further features that are wanted.

    Raises:
        ValueError: if there is no such feature.
    """
    for name in features:
        if name not in arrays:
            raise ValueError(f"features must be among {', '.join(arrays)}; got '{name}'")
    columns = {name: tf.constant(arrays[name]) for name in features}
    if labels and "label" in arrays:
        columns["label"] = tf.constant(arrays["label"], tf.int32)
    return columns


def map_rows(
    order: np.ndarray,
    size: int,
    gather: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    drop_remainder: bool,
) -> tf.data.Dataset:
    """Returns batches of rows of tensors that are in memory.

    Args:
        order: The rows.
        size: Rows of a batch.
        gather: Takes some rows, returns the batch.
        drop_remainder: Whether a last, smaller batch is left out.
    """
    rows = tf.data.Dataset.from_tensor_slices(order).batch(size, drop_remainder=drop_remainder)
    batches = rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)
    options = tf.data.Options()
    # Its rewriting of the pipeline would copy the tensors, whole, for every iterator.
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return batches.with_options(options)


def row_order(
    number: int,
    batch_size: int,
    *,
    shuffle_seed: int | None,
    epoch: int,
    start_batch: int,
    drop_remainder: bool,
    shard: tuple[int, int],
) -> np.ndarray:
    """Returns the rows, in order, that one worker reads in one epoch; see `Dataset.batches`.

    Args:
        number: Rows in the split.
        batch_size: Size of the global batch.
        shuffle_seed: Seed of the permutation, together with `epoch`; None for none.
        epoch: Number of the epoch.
        start_batch: Global batches that are left out at the start.
        drop_remainder: Whether the rows of a last, smaller batch are left out.
        shard: (i, n): the rows of the i-th of n contiguous parts of each global batch.

    Raises:
        ValueError: if the workers cannot share the batch evenly.
    """
    index, count = shard
    check_shard(batch_size, shard)
    order = np.arange(number)
    if shuffle_seed is not None:
        np.random.default_rng((shuffle_seed, epoch)).shuffle(order)
    if drop_remainder or count > 1:
        order = order[: number // batch_size * batch_size]
    order = order[start_batch * batch_size :]
    if count > 1:
        order = order.reshape(-1, count, batch_size // count)[:, index].ravel()
    return order


def check_shard(batch_size: int, shard: tuple[int, int]) -> None:
    """Raises ValueError if (i, n) is no part of a batch of this size."""
    index, count = shard
    if batch_size < 1 or not 0 <= index < count or batch_size % count:
        raise ValueError(
            "shard must be (i, n) with 0 <= i < n and n a divisor of batch_size; "
            f"got {shard} and {batch_size}"
        )
