"""Batching of the examples of a split, and the share of a worker."""

from __future__ import annotations

import dataclasses

import numpy as np

from zoo.epoch_order import epoch_order

__all__ = ["Batching"]


@dataclasses.dataclass(frozen=True)
class Batching:
    """One epoch of batches.

    Attributes:
        batch_size: Size of the global batch.
        shuffle_seed: The order depends on it and on `epoch` alone; None for no shuffling.
        epoch: Number of the epoch.
        start_batch: Global batches at the start of the epoch that are left out.
        drop_remainder: Whether a last, smaller batch is left out.
        labels: Whether batches carry labels, if there are any.
        features: Names of further features that they carry, as `Dataset.arrays` has them.
        shard: (i, n): only the i-th of n equal, contiguous parts of each global batch, so that the
            workers together see the batches of a single process; n must divide `batch_size`, and
            for n > 1 a last, smaller batch is always left out.

    Raises:
        ValueError: if the workers cannot share the batch evenly.
    """

    batch_size: int
    shuffle_seed: int | None = None
    epoch: int = 0
    start_batch: int = 0
    drop_remainder: bool = False
    labels: bool = True
    features: tuple[str, ...] = ()
    shard: tuple[int, int] = (0, 1)

    def __post_init__(self):
        index, count = self.shard
        if self.batch_size < 1 or not 0 <= index < count or self.batch_size % count:
            raise ValueError(
                "shard must be (i, n) with 0 <= i < n and n a divisor of batch_size; "
                f"got {self.shard} and {self.batch_size}"
            )

    @property
    def share(self) -> int:
        """The part of a global batch that this worker reads."""
        return self.batch_size // self.shard[1]

    @property
    def only_whole(self) -> bool:
        """True if an incomplete last batch is dropped."""
        return self.drop_remainder or self.shard[1] > 1

    def rows(self, number: int) -> np.ndarray:
        """Returns the rows, in order, that this worker reads in the epoch.

        Args:
            number: Rows in the split.
        """
        index, count = self.shard
        order = np.arange(number)
        if self.shuffle_seed is not None:
            order = epoch_order(number, self.shuffle_seed, self.epoch)
        if self.only_whole:
            order = order[: number // self.batch_size * self.batch_size]
        order = order[self.start_batch * self.batch_size :]
        if count > 1:
            order = order.reshape(-1, count, self.share)[:, index].ravel()
        return order
