import tensorflow as tf

from zoo.choices import check_choice


class CheckChoiceTest(tf.test.TestCase):
    def test_lists_the_choices_in_order(self):
        check_choice("kind", "b", ("b", "a"))
        with self.assertRaisesRegex(ValueError, "^kind must be one of a, b; got 'c'$"):
            check_choice("kind", "c", ("b", "a"))


if __name__ == "__main__":
    tf.test.main()
