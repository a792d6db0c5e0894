"""A dataset whose images are fetched row by row: from one file, or from a file each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import columns_of

__all__ = ["MappedDataset", "Rows"]

_HASHED = 1024  # images at a time


class Rows(Protocol):
    """Images by their numbers: an array, a mapped file, or files that are decoded when asked for.

    Of a mapped file the operating system keeps what memory holds.
    """

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        """Returns (numbers, height, width, bands)."""


class MappedDataset(Dataset):
    """Splits of images that memory does not hold.

    Args:
        spec: What the dataset is.
        images: All images.
        rows: By split, (examples,) their places in `images`.
        features: By split, arrays of further features, "id" among them.
        skipped: What was left out, one line each.
        content: By split a hash of its images that needs no pixels; default that of the pixels.
        stored_content: See `Dataset.stored_content`; default that of `content` and the features.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        images: Rows,
        rows: Mapping[str, np.ndarray],
        features: Mapping[str, Mapping[str, np.ndarray]],
        skipped: Sequence[str] = (),
        content: Callable[[str], str] | None = None,
        stored_content: Callable[[str], str] | None = None,
    ):
        self.spec = spec
        self.skipped = tuple(skipped)
        self.num_examples = {split: len(places) for split, places in rows.items()}
        self._images, self._rows, self._features = images, rows, features
        self._hash_of_images = content or self._hash_of_pixels
        self._stored_content = stored_content or self._content
        self._contents: dict[str, str] = {}

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        images = self._images[self._rows[split][:limit]].astype(np.float32, copy=False)
        further = {name: values[:limit] for name, values in self._features[split].items()}
        return {"image": images, **further}

    def column(self, split: str, name: str) -> np.ndarray:
        return self._features[split][name]

    def stored_content(self, split: str) -> str:
        return self._stored_content(split)

    def _content(self, split: str) -> str:
        features = content_hashes.of_arrays(self._features[split])
        return self._hash_of_images(split) + features

    def _hash_of_pixels(self, split: str) -> str:
        if split not in self._contents:
            digest = hashlib.sha256()
            rows = self._rows[split]
            for start in range(0, len(rows), _HASHED):
                digest.update(np.ascontiguousarray(self._images[rows[start : start + _HASHED]]))
            self._contents[split] = digest.hexdigest()
        return self._contents[split]

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        places, columns = self._rows[split], columns_of(self._features[split], batching)

        def images_of(rows: np.ndarray) -> np.ndarray:
            return self._images[places[rows]].astype(np.float32, copy=False)

        def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            images = tf.numpy_function(images_of, [rows], tf.float32)
            batch = {"image": tf.ensure_shape(images, (None, *self.spec.image_shape))}
            return batch | {name: tf.gather(values, rows) for name, values in columns.items()}

        rows = tf.data.Dataset.from_tensor_slices(batching.rows(self.num_examples[split]))
        rows = rows.batch(batching.share, drop_remainder=batching.only_whole)
        return rows.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)
