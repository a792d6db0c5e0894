"""Batches of two datasets side by side, for training on both without their objects being paired."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from trainers.datasets.batching import Batching
from trainers.datasets.dataset import Dataset
from trainers.errors import UserError

__all__ = ["PairedDataset"]

# Added to the seed of the target's order: of the same objects in two surveys, the two halves of a
# batch then hold different ones.
_OTHER_ORDER = 7919


class PairedDataset(Dataset):
    """Two datasets, of which each batch has as many images of the one as of the other.

    An epoch is a pass over the smaller of the two; in the next one the larger goes on where it
    was, in a new order each time that it has been seen whole. What a batch holds depends on seed
    and epoch alone.

    Args:
        source: Its images, labels and features stand in the batches under their own names.
        target: Its images stand there as `image_target`; nothing else of it does.

    Raises:
        UserError: if the images differ in shape or bands.
    """

    def __init__(self, source: Dataset, target: Dataset):
        for what in ("image_shape", "bands"):
            of_source, of_target = getattr(source.spec, what), getattr(target.spec, what)
            if of_source != of_target:
                raise UserError(
                    f"`target` {target.spec.name}: {what.replace('image_', '')} of the images must "
                    f"be that of '{source.spec.name}', {of_source}; got {of_target}"
                )
        self.spec = source.spec
        self.skipped = (*source.skipped, *target.skipped)
        self.num_examples = {
            split: min(number, target.num_examples.get(split, 0))
            for split, number in source.num_examples.items()
        }
        self._source, self._target = source, target

    def read(self, split: str, batching: Batching) -> tf.data.Dataset:
        """Returns batches {"image", "image_target"} and what else is asked of the source.

        See `Dataset.read`; a last, smaller batch is always left out.
        """
        batching = dataclasses.replace(batching, drop_remainder=True)
        number = self.num_examples[split] // batching.batch_size
        first = batching.epoch * number
        span = (first + batching.start_batch, first + number)
        # The target is mixed also where there is no order: the first objects of both may be the
        # same.
        other = dataclasses.replace(
            batching,
            shuffle_seed=_OTHER_ORDER + (batching.shuffle_seed or 0),
            labels=False,
            features=(),
        )
        source = _continued(self._source, split, span, batching)
        target = _continued(self._target, split, span, other)
        return tf.data.Dataset.zip(source, target).map(_side_by_side).prefetch(2)

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        """Returns the first examples of both, see `Dataset.arrays`."""
        number = self.num_examples[split]
        number = number if limit is None else min(limit, number)
        others = self._target.arrays(split, number)["image"]
        return {**self._source.arrays(split, number), "image_target": others}


def _continued(
    dataset: Dataset, split: str, span: tuple[int, int], batching: Batching
) -> tf.data.Dataset:
    """Returns a range of the batches that a dataset gives epoch after epoch without end."""
    start, stop = span
    if start >= stop:
        return dataset.read(split, batching).take(0)
    own = dataset.num_examples[split] // batching.batch_size
    parts = []
    for epoch in range(start // own, -(-stop // own)):
        first = max(start - epoch * own, 0)
        part = dataclasses.replace(batching, epoch=epoch, start_batch=first)
        parts.append(dataset.read(split, part).take(min(stop - epoch * own, own) - first))
    batches = parts[0]
    for part in parts[1:]:
        batches = batches.concatenate(part)
    return batches


def _side_by_side(
    source: dict[str, tf.Tensor], target: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    return {**source, "image_target": target["image"]}
