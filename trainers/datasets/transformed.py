"""A dataset whose images are changed on their way, by the object and not by its place."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset, DatasetSpec

__all__ = ["TransformedDataset", "object_seeds"]

# Images of `arrays` that are changed at a time.
_ROWS = 1024


class TransformedDataset(Dataset):
    """A dataset behind a transformation of its images.

    The transformation of an image may depend on the split, the epoch, the object's "id" and further
    features of the object, and on nothing else: whatever the order, the batch, the worker or the
    number of examples, the same object gets the same pixels, in `batches` as in `arrays` (which are
    those of epoch 0). Nothing is stored: it is done on the CPU when a batch is read.

    Args:
        dataset: The dataset to change.
        image_shape: (height, width, bands) after the transformation.
        description: The change, in one sentence that states everything on which pixels depend.
    """

    def __init__(self, dataset: Dataset, image_shape: Sequence[int], description: str):
        self.spec: DatasetSpec = dataclasses.replace(
            dataset.spec,
            image_shape=tuple(image_shape),
            transformations=(*dataset.spec.transformations, description),
            scales_files=dataset.spec.scales_files
            and tuple(image_shape) == tuple(dataset.spec.image_shape),
        )
        self.num_examples = dataset.num_examples
        self.skipped = dataset.skipped
        self._dataset = dataset
        self._graphs: dict[str, Callable[..., Mapping[str, tf.Tensor]]] = {}

    @abc.abstractmethod
    def transform(
        self, batch: Mapping[str, tf.Tensor], split: str, epoch: int
    ) -> Mapping[str, tf.Tensor]:
        """Returns "image" and, if the transformation makes any, further features.

        Args:
            batch: "image", (number, height, width, bands) float32; "id", (number,) strings; and
                the features of `_needed`.
            split: The split that they are of.
            epoch: Number of the epoch.
        """

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        made = self._made()
        stored = [name for name in batching.features if name not in made]
        wanted = tuple(dict.fromkeys([*stored, *self._needed(), "id"]))
        batches = self._dataset.read(split, dataclasses.replace(batching, features=wanted))
        names = ("image", "label", *batching.features)

        def change(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            changed = batch | self.transform(batch, split, batching.epoch)
            return {name: changed[name] for name in names if name in changed}

        return batches.map(change, num_parallel_calls=2, deterministic=True).prefetch(2)

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        arrays = self._dataset.arrays(split, limit)
        inputs = {name: arrays[name] for name in ("image", *self._needed())}
        inputs["id"] = np.asarray(arrays["id"], object)
        transform = self._traced(split, inputs)
        number = len(inputs["image"])
        changed: dict[str, np.ndarray] = {}
        for start in range(0, number, _ROWS):
            part = slice(start, start + _ROWS)
            with tf.device("CPU"):
                made = transform({name: tf.constant(rows[part]) for name, rows in inputs.items()})
            for name, values in made.items():
                if name not in changed:
                    changed[name] = np.empty((number, *values.shape[1:]), np.float32)
                changed[name][part] = values.numpy()
        return {**arrays, **changed}

    def column(self, split: str, name: str) -> np.ndarray:
        if name in self._made():
            return super().column(split, name)
        return self._dataset.column(split, name)

    @property
    def stored_dataset(self) -> Dataset:
        return self._dataset.stored_dataset

    def stored_content(self, split: str) -> str:
        return self._dataset.stored_content(split)

    def _content(self, split: str) -> str:
        # What is done to the images stands in the spec.
        return self._dataset.fingerprint(split)

    def _traced(
        self, split: str, inputs: Mapping[str, np.ndarray]
    ) -> Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]:
        # In a graph, as in `batches`: there it is fast, and rounds in the same way.
        if split not in self._graphs:
            signature = {
                name: tf.TensorSpec((None, *rows.shape[1:]), tf.as_dtype(rows.dtype))
                for name, rows in inputs.items()
            }
            self._graphs[split] = tf.function(
                lambda batch: self.transform(batch, split, 0), input_signature=[signature]
            ).get_concrete_function()
        return self._graphs[split]

    def _needed(self) -> tuple[str, ...]:
        """Returns the names of the features that the transformation reads beside image and id."""
        return ()

    def _made(self) -> tuple[str, ...]:
        """Returns the names of the features that the transformation makes, the image aside."""
        return ()


def object_seeds(ids: tf.Tensor, purpose: str) -> tf.Tensor:
    """Returns a stateless seed for each object, int64 of shape (number, 2).

    Args:
        ids: (number,) strings.
        purpose: Tells apart all uses of randomness; whatever changes the draws stands in it.
    """
    base = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "big", signed=True)
    own = tf.strings.to_hash_bucket_fast(ids, 2**63 - 1)
    return tf.stack([tf.fill(tf.shape(own), tf.constant(base, tf.int64)), own], axis=1)
