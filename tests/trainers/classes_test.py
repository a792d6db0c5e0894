import tensorflow as tf

from trainers.classes import ClassChoice
from trainers.errors import UserError

MORPHOLOGIES = ("elliptical", "merger", "anticlockwise", "clockwise")


class ClassChoiceTest(tf.test.TestCase):
    def test_labels(self):
        choice = ClassChoice.parse(["spiral=clockwise,anticlockwise", "elliptical"])
        self.assertEqual(choice.names, ("spiral", "elliptical"))
        self.assertAllEqual(choice.labels(MORPHOLOGIES), [1, -1, 0, 0])

    def test_mistakes(self):
        for given, message in (
            (["merger"], "--classes takes two or more of NAME or NAME=CLASS,CLASS"),
            (["merger", "spiral="], "--classes takes two or more"),
            (["merger", "=clockwise"], "--classes takes two or more"),
            (["merger", "merger"], "--classes must name 'merger' once"),
            (["a=merger,clockwise", "b=clockwise"], "--classes must name 'clockwise' once"),
        ):
            with self.assertRaisesRegex(UserError, message):
                ClassChoice.parse(given)
        choice = ClassChoice.parse(["spiral", "merger"])
        with self.assertRaisesRegex(UserError, "the dataset has elliptical, .*; got 'spiral'"):
            choice.labels(MORPHOLOGIES)
        with self.assertRaisesRegex(UserError, "the dataset has no classes; got 'spiral'"):
            choice.labels(())


if __name__ == "__main__":
    tf.test.main()
