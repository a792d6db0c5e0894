"""Two datasets side by side: each goes round on its own, and every worker sees its share."""

import dataclasses

import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.datasets.paired import PairedDataset
from trainers.errors import UserError

SPEC = DatasetSpec("numbers", (1, 1, 1), ("r",), None, "counts", ("even", "odd"), None)


def numbers(count, first=0, spec=SPEC):
    """Returns a dataset whose images are numbers, in all splits."""
    values = np.arange(first, first + count)
    arrays = {
        "image": values.reshape(-1, 1, 1, 1).astype(np.float32),
        "label": values % 2,
        "id": values.astype(str),
    }
    return InMemoryDataset(spec, {split: dict(arrays) for split in ("train", "validation", "test")})


def read(batches, name="image"):
    return [batch[name].numpy().ravel().astype(int).tolist() for batch in batches]


class PairedDatasetTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.paired = PairedDataset(numbers(10), numbers(25, first=100))

    def epochs(self, name, number, **options):
        return [
            row
            for epoch in range(number)
            for row in read(
                self.paired.batches("train", 4, shuffle_seed=3, epoch=epoch, **options), name
            )
        ]

    def test_an_epoch_is_one_of_the_smaller(self):
        self.assertEqual(self.paired.num_examples["train"], 10)
        self.assertEqual(np.shape(self.epochs("image", 1)), (2, 4))
        self.assertEqual(np.shape(self.epochs("image_target", 1)), (2, 4))

    def test_the_larger_goes_on_where_it_was(self):
        # Six batches of four of its 25 in a round, two of them in an epoch of the smaller.
        rows = self.epochs("image_target", 6)
        for round_ in (rows[:6], rows[6:]):
            self.assertLen(set(np.ravel(round_)), 24)
        self.assertNotEqual(rows[:6], rows[6:])
        # And where rounds do not end with epochs.
        self.paired = PairedDataset(numbers(12), numbers(21, first=100))
        rows = self.epochs("image_target", 10)
        for start in range(0, 30, 5):
            self.assertLen(set(np.ravel(rows[start : start + 5])), 20)

    def test_resumed_in_mid_epoch(self):
        for epoch in range(4):
            whole = read(self.paired.batches("train", 4, shuffle_seed=3, epoch=epoch))
            rest = self.paired.batches("train", 4, shuffle_seed=3, epoch=epoch, start_batch=1)
            self.assertEqual(read(rest), whole[1:])

    def test_workers_share_the_batches(self):
        for name in ("image", "image_target"):
            whole = self.epochs(name, 2)
            halves = [self.epochs(name, 2, shard=(i, 2)) for i in (0, 1)]
            self.assertEqual([a + b for a, b in zip(*halves, strict=True)], whole)

    def test_the_same_objects_are_not_side_by_side(self):
        same = PairedDataset(numbers(64), numbers(64))
        for options in ({}, {"shuffle_seed": 0}):
            batch = next(iter(same.batches("validation", 64, **options)))
            together = np.mean(batch["image"] == batch["image_target"])
            # One in 64 by chance; 8 of 64 happen once in 1e5.
            self.assertLess(together, 8 / 64)

    def test_labels_are_the_sources(self):
        batch = next(iter(self.paired.batches("train", 4, shuffle_seed=3)))
        self.assertAllEqual(batch["label"], batch["image"][:, 0, 0, 0] % 2)
        arrays = self.paired.arrays("train", limit=3)
        self.assertAllEqual(arrays["image"].ravel(), [0, 1, 2])
        self.assertAllEqual(arrays["image_target"].ravel(), [100, 101, 102])

    def test_fewer_examples_than_a_batch(self):
        self.assertEqual(read(self.paired.batches("train", 16)), [])

    def test_other_images(self):
        other = dataclasses.replace(SPEC, bands=("g",))
        with self.assertRaisesRegex(UserError, r"bands of the images must be .*\('g',\)"):
            PairedDataset(numbers(4), numbers(4, spec=other))


if __name__ == "__main__":
    tf.test.main()
