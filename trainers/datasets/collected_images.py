"""Images of files as they are read: those of the most common kind become a dataset."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset, empty
from trainers.datasets.mapped import MappedDataset, Rows

__all__ = ["CollectedImages", "ImageStore", "dataset_of"]

_Kind = tuple[tuple[int, ...], np.dtype]


class ImageStore:
    """Images of one shape and type, in memory up to a size.

    Args:
        shape: (height, width, bands) of each image.
        dtype: Type of the values.
        memory_bytes: Largest size of all images that is kept in memory.
        spills: Whether more are kept in a file without a name, which vanishes with the process. If
            not, they are forgotten, for whoever has them elsewhere.
        folder: Where that file is made; None for the system's own place.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: np.dtype | type,
        memory_bytes: int,
        spills: bool = True,
        folder: Path | None = None,
    ):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._folder, self._memory_bytes, self._spills = folder, memory_bytes, spills
        self._images: list[np.ndarray] | None = []
        self._file = None
        self._number = 0

    def __len__(self) -> int:
        return self._number

    @property
    def in_memory(self) -> bool:
        """True as long as memory holds the images."""
        return self._images is not None

    def append(self, image: np.ndarray) -> None:
        """Adds an image."""
        self._number += 1
        image = np.ascontiguousarray(image, self.dtype)
        if self._images is None:
            self._write([image])
            return
        self._images.append(image)
        if self._number * image.size * self.dtype.itemsize > self._memory_bytes:
            self._write(self._images)
            self._images = None

    def take(self, number: int) -> np.ndarray:
        """Returns an image that is in memory, and forgets it."""
        image, self._images[number] = self._images[number], None
        return image

    def mapped(self) -> np.ndarray:
        """Returns the images of the file, (number, height, width, bands), not to be written to."""
        self._file.flush()
        return np.memmap(self._file, self.dtype, mode="r", shape=(self._number, *self.shape))

    def _write(self, images: Iterable[np.ndarray]) -> None:
        if not self._spills:
            return
        if self._file is None:
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        for image in images:
            self._file.write(image.data)


class CollectedImages:
    """Images that may be of several shapes and types, in the order in which they are read.

    Args:
        settings: Arguments of the `ImageStore` of each shape and type.

    Attributes:
        is_grey: Whether all bands of all images are equal.
        kinds: Shape and type of each image.
    """

    def __init__(self, **settings: Any):
        self.is_grey = True
        self.kinds: list[_Kind] = []
        self._settings = settings
        self._stores: dict[_Kind, ImageStore] = {}
        self._places: list[int] = []  # in the store of the kind

    def append(self, image: np.ndarray, dtype: np.dtype | type | None = None) -> None:
        """Adds an image.

        Args:
            image: (height, width, bands).
            dtype: Type in which it is kept, without loss; None for its own.
        """
        kind = image.shape, np.dtype(dtype or image.dtype)
        if kind not in self._stores:
            self._stores[kind] = ImageStore(*kind, **self._settings)
        self.is_grey = self.is_grey and bool((image == image[..., :1]).all())
        self.kinds.append(kind)
        self._places.append(len(self._stores[kind]))
        self._stores[kind].append(image)

    def common(self) -> tuple[ImageStore, dict[int, int]]:
        """Returns the images of the most common kind, and by number their places in the store."""
        kind = max(self._stores, key=lambda each: len(self._stores[each]))
        places = enumerate(self._places)
        return self._stores[kind], {
            number: place for number, place in places if self.kinds[number] == kind
        }


def dataset_of(
    spec: DatasetSpec,
    store: ImageStore,
    rows: Mapping[str, Sequence[int]],
    features: Mapping[str, Mapping[str, np.ndarray]],
    skipped: Sequence[str] = (),
    *,
    elsewhere: Rows | None = None,
    **hashes: Any,
) -> Dataset:
    """Returns the dataset of some images: in memory if their store is, which is emptied then.

    Args:
        spec: What the dataset is; of the bands of the store it may have the first alone.
        store: The images.
        rows: By split, their places in the store.
        features: By split, arrays of further features, "id" among them.
        skipped: What was left out, one line each.
        elsewhere: The images of the dataset, where a store that is not in memory lacks them.
        **hashes: `content`, of images that are not in memory, and `stored_content`, see
            `MappedDataset`.
    """
    bands = spec.image_shape[-1]
    if not store.in_memory:
        images = store.mapped()[..., :bands] if elsewhere is None else elsewhere
        places = {split: np.array(taken, np.int64) for split, taken in rows.items()}
        return MappedDataset(spec, images, places, features, skipped, **hashes)
    arrays = {}
    for split, taken in rows.items():
        images = empty((len(taken), *spec.image_shape), store.dtype)
        for row, place in enumerate(taken):
            # Taken out, so that the images are not held twice.
            images[row] = store.take(place)[..., :bands]
        arrays[split] = {"image": images, **features[split]}
    return InMemoryDataset(spec, arrays, skipped, hashes.get("stored_content"))
