import numpy as np
import tensorflow as tf

from tests.zoo.models.vote_questions import QUESTIONS, votes
from zoo.distributions.decision_tree import DecisionTree


class DecisionTreeTest(tf.test.TestCase):
    def test_answers_and_where_they_stand(self):
        tree = DecisionTree.of(QUESTIONS)
        self.assertEqual(tree.names, ("smooth", "edge-on", "merging"))
        self.assertEqual(tree.answers[:4], ("smooth_smooth", "smooth_featured", "smooth_artifact",
                                            "edge-on_yes"))  # fmt: skip
        self.assertEqual(tree.spans, (slice(0, 3), slice(3, 5), slice(5, 7)))
        self.assertEqual(tree.question_of, (0, 0, 0, 1, 1, 2, 2))
        self.assertEqual(tree.parents, ((), (1,), (0, 4)))
        self.assertAllEqual(tree.totals(votes(2)), [[10, 0, 10], [10, 7, 6]])

    def test_shares_are_those_of_volunteers_who_walk_down_the_tree(self):
        tree = DecisionTree.of(QUESTIONS)
        fractions = np.array([0.5, 0.4, 0.1, 0.25, 0.75, 0.9, 0.1], np.float32)
        # Disks are asked on, and of these the ones from the front; mergers are for both.
        self.assertAllClose(tree.asked(fractions), [1.0, 0.4, 0.5 + 0.4 * 0.75])
        volunteers = np.random.default_rng(0).random((200_000, 2))
        featured = (volunteers[:, 0] >= 0.5) & (volunteers[:, 0] < 0.9)
        front = featured & (volunteers[:, 1] >= 0.25)
        walked = [1.0, featured.mean(), ((volunteers[:, 0] < 0.5) | front).mean()]
        # Five standard errors of a share.
        self.assertAllClose(tree.asked(fractions), walked, atol=5 * 0.5 / np.sqrt(200_000))

    def test_what_is_no_tree_is_reported(self):
        first = {"name": "bar", "answers": ["yes", "no"]}
        for questions, message in (
            ([], r"must be a list of one question or more; got \[\]"),
            ("bar", "must be a list of one question or more; got 'bar'"),
            ([{"name": "bar"}], "must have 'name', 'answers' and 'parents' each; question 0 is"),
            (["bar"], "must have 'name', 'answers' and 'parents' each; question 0 is 'bar'"),
            ([first, first], "must differ in their names; 'bar' is there twice"),
            ([{**first, "answers": ["yes"]}], r"'bar' must be two or more that differ; got \['yes"),
            ([{**first, "parents": ["smooth_no"]}], "before it .none.; got 'smooth_no'"),
            (
                [first, {"name": "arms", "answers": ["1", "2"], "parents": ["bar_maybe"]}],
                "before it .bar_yes, bar_no.; got 'bar_maybe'",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                DecisionTree.of(questions)


if __name__ == "__main__":
    tf.test.main()
