import numpy as np
import tensorflow as tf

from tests.trainers.dots import DotsCase
from trainers.datasets.dataset import CACHE_BYTES
from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice

MORPHOLOGIES = ("elliptical", "merger", "anticlockwise", "clockwise")


class ClassChoiceTest(tf.test.TestCase):
    def test_labels(self):
        choice = ClassChoice.parse(["spiral=clockwise,anticlockwise", "elliptical"])
        self.assertEqual(choice.names, ("spiral", "elliptical"))
        self.assertAllEqual(choice.labels(MORPHOLOGIES), [1, -1, 0, 0])

    def test_mistakes(self):
        for texts, message in (
            (["merger"], "`classes` takes two or more of NAME or NAME=CLASS,CLASS"),
            (["merger", "spiral="], "`classes` takes two or more"),
            (["merger", "=clockwise"], "`classes` takes two or more"),
            (["merger", "merger"], "`classes` must name 'merger' once"),
            (["a=merger,clockwise", "b=clockwise"], "`classes` must name 'clockwise' once"),
        ):
            with self.assertRaisesRegex(UserError, message):
                ClassChoice.parse(texts)
        choice = ClassChoice.parse(["spiral", "merger"])
        with self.assertRaisesRegex(UserError, "the dataset has elliptical, .*; got 'spiral'"):
            choice.labels(MORPHOLOGIES)
        with self.assertRaisesRegex(UserError, "the dataset has no classes; got 'spiral'"):
            choice.labels(())


class ChosenClassesTest(DotsCase):
    def test_classes(self):
        for cache_bytes in (CACHE_BYTES, 100):
            left = self.load("three", classes=["quasar", "star"], cache_bytes=cache_bytes)
            self.assertEqual(left.spec.class_names, ("quasar", "star"))
            self.assertEqual(left.num_examples, {"train": 33, "validation": 6, "test": 14})
            for rows in (left.arrays("train"), *left.batches("train", 40, shuffle_seed=1)):
                numbers = np.asarray(rows["image"])[:, 0, 0, 0].astype(int)
                self.assertNotIn(1, numbers % 3)
                self.assertAllEqual(rows["label"], np.where(numbers % 3 == 2, 0, 1))
            joint = self.load("three", classes=["dot=star,quasar", "galaxy"], max_examples=15)
            self.assertEqual(joint.num_examples, {"train": 15, "validation": 10, "test": 15})
            rows = joint.arrays("validation")
            self.assertAllEqual(rows["label"], rows["image"][:, 0, 0, 0] % 3 == 1)
        # The shares that a dataset knows are those of its own classes.
        self.assertIsNone(self.load(classes=["galaxy", "star"]).spec.class_fractions)


if __name__ == "__main__":
    tf.test.main()
