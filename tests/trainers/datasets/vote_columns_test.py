import tensorflow as tf

from tfds_builders.galaxy_zoo_decals.labels import GZD5
from trainers.datasets import vote_columns
from zoo.distributions.decision_tree import DecisionTree

# As the catalogue of Galaxy Zoo DECaLS has them.
COLUMNS = ["iauname", "bar_total-votes", "bar_strong", "bar_strong_fraction", "bar_weak", "bar_no"]
COLUMNS += ["smooth-or-featured_smooth", "smooth-or-featured_artifact", "bar_strong_debiased"]


class VoteColumnsTest(tf.test.TestCase):
    def test_a_question_is_all_its_answers(self):
        expected = ["bar_strong", "bar_weak", "bar_no"]
        self.assertEqual(vote_columns.select(["bar"], COLUMNS), expected)
        both = ["smooth-or-featured_smooth", *expected]
        self.assertEqual(vote_columns.select([both[0], "bar"], COLUMNS), both)
        with self.assertRaisesRegex(ValueError, "no column 'arms' and no columns 'arms_<answer>'"):
            vote_columns.select(["arms"], COLUMNS)
        with self.assertRaisesRegex(ValueError, "column 'bar_no' twice"):
            vote_columns.select(["bar_no", "bar"], COLUMNS)

    def test_the_published_tree(self):
        expected = [
            {"name": each.name, "answers": list(each.answers), "parents": list(each.parents)}
            for each in GZD5.questions
        ]
        questions = vote_columns.questions_of(GZD5.answers)
        self.assertEqual(list(questions), expected)
        DecisionTree.of(questions)
        # In any order of the columns a question comes after those that lead to it.
        shuffled = vote_columns.questions_of(GZD5.answers[::-1])
        self.assertCountEqual(
            [each["name"] for each in shuffled], [each["name"] for each in expected]
        )
        DecisionTree.of(shuffled)

    def test_names_of_a_survey_and_unknown_questions(self):
        asked = {"disk-edge-on-dr8": ("yes", "no"), "bar-dr8": ("weak", "no"), "lens": ("0", "1")}
        columns = [f"{name}_{answer}" for name, each in asked.items() for answer in each]
        questions = vote_columns.questions_of(columns)
        parents = {each["name"]: each["parents"] for each in questions}
        # Its parent, smooth or featured, is not among the columns.
        expected = {"disk-edge-on-dr8": [], "bar-dr8": ["disk-edge-on-dr8_no"], "lens": []}
        self.assertEqual(parents, expected)

    def test_what_is_no_question(self):
        with self.assertRaisesRegex(ValueError, "two answers of question 'bar' or more; got 'no'"):
            vote_columns.questions_of(["bar_no"])
        with self.assertRaisesRegex(ValueError, "called <question>_<answer>; got 'bar'"):
            vote_columns.questions_of(["bar"])


if __name__ == "__main__":
    tf.test.main()
