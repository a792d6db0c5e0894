"""A dataset whose decoded images are in memory, so that training never waits for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset, DatasetSpec

__all__ = ["InMemoryDataset", "columns_of", "empty", "map_rows"]

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
        stored_content: See `Dataset.stored_content`; default a hash of the arrays.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        splits: dict[str, dict[str, np.ndarray]],
        skipped: Sequence[str] = (),
        stored_content: Callable[[str], str] | None = None,
    ):
        self.spec = spec
        self.skipped = tuple(skipped)
        self._stored_content = stored_content or self._content
        self.num_examples = {split: len(arrays["image"]) for split, arrays in splits.items()}
        self._features: Mapping[str, dict[str, np.ndarray]] = {
            split: {name: values for name, values in arrays.items() if name != "image"}
            for split, arrays in splits.items()
        }
        self._images = {split: _aligned(arrays["image"]) for split, arrays in splits.items()}
        self._contents: dict[str, str] = {}
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

    def stored_content(self, split: str) -> str:
        return self._stored_content(split)

    def _content(self, split: str) -> str:
        if split not in self._contents:
            arrays = {"image": self._images[split], **self._features[split]}
            self._contents[split] = content_hashes.of_arrays(arrays)
        return self._contents[split]

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        images, columns = self._tensors[split], columns_of(self._features[split], batching)

        def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            batch = {"image": tf.cast(tf.gather(images, rows), tf.float32)}
            return batch | {name: tf.gather(values, rows) for name, values in columns.items()}

        return map_rows(self.num_examples[split], batching, gather)


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


def columns_of(arrays: Mapping[str, np.ndarray], batching: Batching) -> dict[str, tf.Tensor]:
    """Returns what batches carry beside the images, for all rows of a split.

    Args:
        arrays: The features of the split.
        batching: What is wanted of them.

    Raises:
        ValueError: if there is no such feature.
    """
    for name in batching.features:
        if name not in arrays:
            raise ValueError(f"features must be among {', '.join(arrays)}; got '{name}'")
    columns = {name: tf.constant(arrays[name]) for name in batching.features}
    if batching.labels and "label" in arrays:
        columns["label"] = tf.constant(arrays["label"], tf.int32)
    return columns


def map_rows(
    number: int, batching: Batching, gather: Callable[[tf.Tensor], dict[str, tf.Tensor]]
) -> tf.data.Dataset:
    """Returns batches of rows of tensors that are in memory.

    Args:
        number: Rows in the split.
        batching: Which of them, in which order.
        gather: Takes some rows, returns the batch.
    """
    rows = tf.data.Dataset.from_tensor_slices(batching.rows(number))
    rows = rows.batch(batching.share, drop_remainder=batching.only_whole)
    batches = rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)
    options = tf.data.Options()
    # Its rewriting of the pipeline would copy the tensors, whole, for every iterator.
    options.experimental_optimization.apply_default_optimizations = False
    options.autotune.enabled = False
    return batches.with_options(options)
