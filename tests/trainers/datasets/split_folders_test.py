import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from trainers.datasets import loading
from trainers.errors import UserError


class SplitFoldersTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, place, number=1):
        folder = self.folder / place
        folder.mkdir(parents=True)
        for index in range(number):
            name = f"{place.replace('/', '_')}_{index}.png".replace("\n", "_")
            Image.fromarray(np.full((4, 4), index, np.uint8)).save(folder / name)

    def load(self):
        return loading.load("image_folder", data_dir=self.folder)

    def test_train_alone_is_split_by_name(self):
        self.write("train/star", 40)
        self.write("train/galaxy", 40)
        dataset = self.load()
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(sum(dataset.num_examples.values()), 80)
        self.assertAllGreater(list(dataset.num_examples.values()), 0)
        ids = [set(dataset.arrays(split)["id"]) for split in dataset.num_examples]
        self.assertLen(set.union(*ids), 80)

    def test_capitals(self):
        for split, number in (("Train", 3), ("VALIDATION", 2), ("Test", 1)):
            self.write(f"{split}/star", number)
            self.write(f"{split}/galaxy", number)
        dataset = self.load()
        self.assertEqual(dataset.spec.class_names, ("galaxy", "star"))
        self.assertEqual(dataset.num_examples, {"train": 6, "validation": 4, "test": 2})

    def test_splits_beside_something_else(self):
        for name in ("train", "test", "unlabelled"):
            self.write(name)
        with self.assertRaisesRegex(UserError, "got test, train beside unlabelled"):
            self.load()

    def test_missing_splits(self):
        self.write("train/star", 2)
        self.write("validation/star", 2)
        with self.assertRaisesRegex(UserError, "no test folder with images"):
            self.load()

    def test_no_train(self):
        self.write("test/star", 2)
        with self.assertRaisesRegex(UserError, "no train folder with images"):
            self.load()

    def test_classes_named_like_a_split(self):
        self.write("valid", 20)
        self.write("invalid", 20)
        self.assertEqual(self.load().spec.class_names, ("invalid", "valid"))

    def test_line_break_in_a_class(self):
        self.write("st\nar", 20)
        self.write("galaxy", 20)
        with self.assertRaisesRegex(UserError, r"must be printable; got 'st\\nar'"):
            self.load()


if __name__ == "__main__":
    tf.test.main()
