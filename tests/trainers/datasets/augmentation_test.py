"""Shear, zoom, turns and flips against SciPy's affine transformation."""

import numpy as np
import tensorflow as tf
from scipy import ndimage, stats

from tests.trainers import tiny
from trainers.datasets.augmentation import AugmentedDataset
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.options import data_options

# A ramp encodes the origin of a pixel: x, y and 1 inside.
SIZE = 21
NUMBER = 400


def ramps():
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    image = np.stack([x, y, np.ones_like(x)], axis=-1)
    spec = DatasetSpec("ramps", image.shape, tuple("xyi"), None, "pixels", (), None)
    splits = {
        split: {
            "image": np.tile(image, (NUMBER, 1, 1, 1)),
            "id": np.array([f"{split}-{i}" for i in range(NUMBER)]),
        }
        for split in data_options.SPLITS
    }
    return InMemoryDataset(spec, splits)


def matrices(images):
    """The matrix M of each image, from the derivatives of the ramps in the centre."""
    c = SIZE // 2
    along_x = (images[:, c, c + 1, :2] - images[:, c, c - 1, :2]) / 2
    along_y = (images[:, c + 1, c, :2] - images[:, c - 1, c, :2]) / 2
    return np.stack([along_x, along_y], axis=-1)


class AugmentedDatasetTest(tf.test.TestCase):
    def test_draws(self):
        images = AugmentedDataset(ramps(), shear=0.3, zoom=0.2).arrays("train")["image"]
        m = matrices(images)
        # The centre stays, and so do the rows.
        self.assertAllClose(images[:, 10, 10], np.tile([10.0, 10.0, 1.0], (NUMBER, 1)), atol=1e-3)
        self.assertAllClose(m[:, 1, 0], np.zeros(NUMBER), atol=1e-3)
        # A right sample fails once in 10,000 times; the seed is fixed.
        for values, width in (
            (np.abs(m[:, 0, 0]) - 1, 0.2),
            (m[:, 1, 1] - 1, 0.2),
            (m[:, 0, 1], 0.3),
        ):
            reference = stats.uniform(-width, 2 * width)
            self.assertGreater(stats.kstest(values, reference.cdf).pvalue, 1e-4)
        mirrored = int((m[:, 0, 0] < 0).sum())
        self.assertGreater(stats.binomtest(mirrored, NUMBER).pvalue, 1e-4)

    def test_shifts(self):
        originals = ramps().arrays("train")["image"]
        images = AugmentedDataset(ramps(), 0, 0, flip=False, shift=1.5).arrays("train")["image"]
        c = SIZE // 2
        shifts = images[:, c, c, :2] - originals[:, c, c, :2]
        for values in shifts.T:
            self.assertGreater(stats.kstest(values, stats.uniform(-1.5, 3).cdf).pvalue, 1e-4)
        self.assertLess(abs(stats.pearsonr(*shifts.T).statistic), 4 / np.sqrt(NUMBER))
        # All pixels of an image are shifted alike, fractions included.
        inner = slice(3, SIZE - 3)
        moved = (images - originals)[:, inner, inner, :2]
        self.assertAllClose(moved, np.broadcast_to(shifts[:, None, None], moved.shape), atol=1e-3)

    def test_turns(self):
        dataset = AugmentedDataset(ramps(), 0, 0, flip=False, rotation=30)
        m = matrices(dataset.arrays("train")["image"])
        angle = np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0]))
        self.assertGreater(stats.kstest(angle, stats.uniform(-30, 60).cdf).pvalue, 1e-4)
        unit = np.tile(np.eye(2), (NUMBER, 1, 1))
        self.assertAllClose(m @ np.swapaxes(m, 1, 2), unit, atol=1e-3)
        # The other draws are what they were before there were turns.
        before = AugmentedDataset(ramps(), 0.3, 0.2, shift=1.0).arrays("train")["image"]
        self.assertAllClose(
            matrices(before)[0], [[0.811196, -0.222266], [0.0, 1.046398]], atol=1e-3
        )

    def test_pixels(self):
        for outside, mode in (("zeros", "grid-constant"), ("mirror", "grid-mirror")):
            with self.subTest(outside):
                self.check_pixels(mode, shear=0.3, zoom=0.3, rotation=40, outside=outside)

    def check_pixels(self, mode, **options):
        dataset = AugmentedDataset(tiny.TinyDataset(), **options)
        maps = AugmentedDataset(ramps(), **options)
        # The same names have the same draws, whatever the images are.
        names = dataset.arrays("train")["id"]
        self.assertAllEqual(names, maps.arrays("train")["id"][: len(names)])
        m = matrices(maps.arrays("train")["image"])
        before = tiny.TinyDataset().arrays("train")["image"]
        after = dataset.arrays("train")["image"]
        for i in range(20):
            (xx, xy), (yx, yy) = m[i]
            matrix = np.array([[yy, yx], [xy, xx]])
            centre = np.array([3.5, 3.5])
            for band in range(2):
                expected = ndimage.affine_transform(
                    before[i, ..., band],
                    matrix,
                    centre - matrix @ centre,
                    order=1,
                    mode=mode,
                )
                self.assertAllClose(after[i, ..., band], expected, atol=2e-3)

    def test_epochs_seeds_and_splits(self):
        def epoch(dataset, split, number):
            return next(iter(dataset.batches(split, 8, epoch=number)))["image"].numpy()

        base = tiny.TinyDataset()
        dataset, other = AugmentedDataset(base), AugmentedDataset(base, seed=1)
        self.assertAllEqual(epoch(dataset, "train", 2), epoch(dataset, "train", 2))
        self.assertNotAllClose(epoch(dataset, "train", 2), epoch(dataset, "train", 3))
        self.assertNotAllClose(epoch(dataset, "train", 2), epoch(other, "train", 2))
        for split in ("validation", "test"):
            self.assertAllEqual(dataset.arrays(split)["image"], base.arrays(split)["image"])
            self.assertAllEqual(epoch(dataset, split, 2), epoch(base, split, 0))

    def test_flips_alone_are_exact(self):
        base = tiny.TinyDataset()
        before = base.arrays("train")["image"]
        after = AugmentedDataset(base, 0, 0).arrays("train")["image"]
        mirrored = 0
        for one, other in zip(before, after, strict=True):
            is_same = np.array_equal(one, other)
            self.assertTrue(is_same or np.array_equal(one[:, ::-1], other))
            mirrored += not is_same
        self.assertBetween(mirrored, 20, 76)
        still = AugmentedDataset(base, 0, 0, flip=False)
        self.assertAllEqual(still.arrays("train")["image"], before)
        self.assertEqual(still.spec.transformations, ("augmentation: shear 0, zoom 0 (seed 0)",))

    def test_mistakes(self):
        with self.assertRaisesRegex(UserError, "`shear` must be at least 0 and below 1; got -0.1"):
            AugmentedDataset(tiny.TinyDataset(), shear=-0.1)
        with self.assertRaisesRegex(UserError, "`shift` must be at least 0; got -1"):
            AugmentedDataset(tiny.TinyDataset(), shift=-1)
        with self.assertRaisesRegex(UserError, "`zoom` must be at least 0 and below 1; got 1"):
            AugmentedDataset(tiny.TinyDataset(), zoom=1)
        with self.assertRaisesRegex(UserError, "`rotation` must be between 0 and 180; got 200"):
            AugmentedDataset(tiny.TinyDataset(), rotation=200)
        with self.assertRaisesRegex(UserError, "`outside` must be one of zeros, mirror; got 'x'"):
            AugmentedDataset(tiny.TinyDataset(), outside="x")


if __name__ == "__main__":
    tf.test.main()
