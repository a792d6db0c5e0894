"""A dataset whose images lie in one file, of which the operating system keeps what memory holds."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainers.datasets import content_hashes
from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import columns_of

__all__ = ["ImageStore", "MappedDataset"]

_HASHED = 1024  # images at a time


class ImageStore:
    """Images of one shape and type, in memory up to a size and then in a file without a name.

    Args:
        shape: (height, width, bands) of each image.
        dtype: Type of the values.
        folder: Where the file is made, which vanishes with the process; None for the system's own.
        memory_bytes: Largest size of all images that is kept in memory.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: np.dtype | type,
        folder: Path | None,
        memory_bytes: int,
    ):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._folder, self._memory_bytes = folder, memory_bytes
        self._images: list[np.ndarray] | None = []
        self._file = None
        self._number = 0

    def __len__(self) -> int:
        return self._number

    @property
    def in_memory(self) -> bool:
        """True as long as memory holds the images."""
        return self._file is None

    def append(self, image: np.ndarray) -> None:
        """Adds an image."""
        self._number += 1
        image = np.ascontiguousarray(image, self.dtype)
        if self._file is not None:
            self._file.write(image.data)
            return
        self._images.append(image)
        if self._number * image.size * self.dtype.itemsize > self._memory_bytes:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            for held in self._images:
                self._file.write(held.data)
            self._images = None

    def take(self, number: int) -> np.ndarray:
        """Returns an image that is in memory, and forgets it."""
        image, self._images[number] = self._images[number], None
        return image

    def mapped(self) -> np.ndarray:
        """Returns the images of the file, (number, height, width, bands), not to be written to."""
        self._file.flush()
        return np.memmap(self._file, self.dtype, mode="r", shape=(self._number, *self.shape))


class MappedDataset(Dataset):
    """Splits of images that lie in one array, which may be a mapped file.

    Args:
        spec: What the dataset is.
        images: (number, height, width, bands).
        rows: By split, (examples,) their places in `images`.
        features: By split, arrays of further features, "id" among them.
        skipped: What was left out, one line each.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        images: np.ndarray,
        rows: Mapping[str, np.ndarray],
        features: Mapping[str, Mapping[str, np.ndarray]],
        skipped: Sequence[str] = (),
    ):
        self.spec = spec
        self.skipped = tuple(skipped)
        self.num_examples = {split: len(places) for split, places in rows.items()}
        self._images, self._rows, self._features = images, rows, features
        self._contents: dict[str, str] = {}

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        images = self._images[self._rows[split][:limit]].astype(np.float32, copy=False)
        further = {name: values[:limit] for name, values in self._features[split].items()}
        return {"image": images, **further}

    def column(self, split: str, name: str) -> np.ndarray:
        return self._features[split][name]

    def _content(self, split: str) -> str:
        if split not in self._contents:
            digest = hashlib.sha256()
            rows = self._rows[split]
            for start in range(0, len(rows), _HASHED):
                digest.update(np.ascontiguousarray(self._images[rows[start : start + _HASHED]]))
            features = content_hashes.of_arrays(self._features[split])
            self._contents[split] = digest.hexdigest() + features
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
