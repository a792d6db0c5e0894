import tensorflow as tf

from trainers.tables.markdown import markdown_table


class MarkdownTableTest(tf.test.TestCase):
    def test_table(self):
        self.assertEqual(
            markdown_table(["name", "a | b"], [["one\ntwo", 1], ["three", "2"]]),
            "| name | a \\| b |\n| --- | --- |\n| one two | 1 |\n| three | 2 |",
        )

    def test_aligned_columns(self):
        self.assertEqual(
            markdown_table(["x", "value"], [["first", 1.5], ["b", 22]], aligned=True),
            "| x     | value |\n| ----- | ----: |\n| first |   1.5 |\n| b     |    22 |",
        )

    def test_rows_of_another_length(self):
        with self.assertRaises(ValueError):
            markdown_table(["x", "y"], [["only one"]], aligned=True)


if __name__ == "__main__":
    tf.test.main()
