"""A dataset whose decoded images are in memory, so that training never waits for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainers.data import Dataset, DatasetSpec

__all__ = ["InMemoryDataset"]


class InMemoryDataset(Dataset):
    """Splits of arrays.

    Args:
        spec: What the dataset is.
        splits: By split, arrays of equal length: "image" float32, "id", "label" if there are
            labels, and further features. The images are moved to TensorFlow's memory.
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
        self._images: dict[str, tf.Tensor] = {}
        with tf.device("CPU"):
            for split, arrays in splits.items():
                # Popped, so that the images are not held twice.
                self._images[split] = tf.constant(arrays.pop("image"), tf.float32)

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        images = {"image": self._images[split].numpy()[:limit]}
        return images | {name: values[:limit] for name, values in self._features[split].items()}

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
        order = np.arange(self.num_examples[split])
        if shuffle_seed is not None:
            np.random.default_rng((shuffle_seed, epoch)).shuffle(order)
        index, count = shard
        if drop_remainder or count > 1:
            order = order[: len(order) // batch_size * batch_size]
        order = order[start_batch * batch_size :]
        share = batch_size // count
        if count > 1:
            order = order.reshape(-1, count, share)[:, index].ravel()
        images, features = self._images[split], self._features[split]
        labelled = labels and "label" in features
        label = tf.constant(features["label"], tf.int32) if labelled else None

        def gather(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            batch = {"image": tf.gather(images, rows)}
            return batch | {"label": tf.gather(label, rows)} if labelled else batch

        batches = tf.data.Dataset.from_tensor_slices(order).batch(
            share, drop_remainder=drop_remainder or count > 1
        )
        return batches.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)
