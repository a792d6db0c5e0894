from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy import stats

from tests.zoo.models.vote_questions import QUESTIONS
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.registry import describe
from trainers.evaluators.statistics.vote_scores import (
    constant_log_prob,
    coverage,
    fit_concentrations,
    root_mean_square,
    score,
)
from trainers.evaluators.votes import evaluate_votes
from zoo.distributions.decision_tree import DecisionTree
from zoo.vote_model import VoteModel

TREE = DecisionTree.of(QUESTIONS)


class OracleOfVotes(VoteModel):
    """Knows the concentrations of the galaxy whose number its image shows."""

    task = "votes"
    registry_name = "oracle"

    def __init__(self, concentrations, factor=1.0):
        super().__init__(
            image_shape=(4, 4, 1),
            questions=QUESTIONS,
            preprocessing=[],
            augment=False,
            seed=0,
            likelihood="dirichlet_multinomial",
            lowest_concentration=1.0,
        )
        self.concentrations = tf.constant(factor * concentrations, tf.float32)

    def call(self, images, training=False):
        fitted = tf.gather(self.concentrations, tf.cast(images[:, 0, 0, 0], tf.int32))[:, None]
        predicted = self.distribution({"concentrations": fitted})
        return {
            "fractions": predicted.fractions(),
            "asked": predicted.asked(),
            "concentrations": fitted,
        }


def sky(number, seed=0):
    """Returns concentrations, and votes drawn from them down the tree."""
    draws = np.random.default_rng(seed)
    concentrations = 1 + draws.gamma(1.5, 8.0, (number, len(TREE.answers)))
    votes = np.zeros((number, len(TREE.answers)), np.int32)
    for index, span in enumerate(TREE.spans):
        asked = draws.poisson(40, number)
        if TREE.parents[index]:
            asked = votes[:, list(TREE.parents[index])].sum(axis=1)
        share = draws.gamma(concentrations[:, span])
        votes[:, span] = draws.multinomial(asked, share / share.sum(axis=1, keepdims=True))
    return concentrations, votes


def dataset(votes, concentrations):
    spec = DatasetSpec(
        name="sky/votes",
        image_shape=(4, 4, 1),
        bands=("r",),
        pixel_scale=None,
        units="counts",
        class_names=(),
        class_fractions=None,
        questions=QUESTIONS,
        feature_names=("image", "id", "votes"),
    )
    number = len(votes)
    image = np.broadcast_to(
        np.arange(number, dtype=np.float32)[:, None, None, None], (number, 4, 4, 1)
    )
    totals = np.stack([concentrations[:, s].sum(axis=1) for s in TREE.spans], 1)
    arrays = {
        "image": image + 0.0,
        "id": np.array([f"galaxy-{i}" for i in range(number)]),
        "votes": votes,
        "expected_fractions": concentrations / totals[:, list(TREE.question_of)],
    }
    return InMemoryDataset(spec, {split: dict(arrays) for split in ("train", "test")})


class VotesTest(tf.test.TestCase):
    def _evaluate(self):
        concentrations, votes = sky(1200)
        self.folder = Path(self.get_temp_dir())
        model = OracleOfVotes(concentrations)
        self.context = EvaluationContext(model, dataset(votes, concentrations), self.folder)
        return evaluate_votes(self.context)

    def test_true_predictions_cover_their_level(self):
        section = self._evaluate()
        # Five standard errors of 1200 galaxies with four answers that are free.
        for level in (0.5, 0.68, 0.9, 0.95):
            error = np.sqrt(level * (1 - level) / (4 * 1200))
            self.assertAllClose(
                section.metrics[f"coverage_{100 * level:.0f}"], level, atol=5 * error
            )
        self.assertAllClose(section.metrics["expected_fraction_rmse"], 0.0, atol=1e-6)
        floor = section.metrics["fraction_rmse_floor"]
        self.assertAllClose(section.metrics["fraction_rmse"], floor, rtol=1e-5)
        gain = section.metrics["log_likelihood"] - section.metrics["constant_log_likelihood"]
        self.assertGreater(gain, 0.5)
        for figure in section.figures:
            self.assertTrue((self.folder / figure.path).exists())
        self.assertLen(section.tables[0].rows, 3)
        self.assertEqual(section.tables[1].rows[-1][0], "all")

    def test_predictions_that_are_too_sure_cover_less(self):
        concentrations, votes = sky(200)
        covered = []
        for factor in (10.0, 1.0, 0.2):
            model = OracleOfVotes(concentrations, factor)
            answer = model(np.arange(200.0)[:, None, None, None] * np.ones((1, 4, 4, 1)))
            scores = score(model, answer, votes, (0.68,))
            asked = scores.volunteers > 0
            covered.append(coverage(scores.below[asked], scores.upto[asked], 0.68))
            # Ends included, an interval of a true prediction covers what it holds.
            if factor == 1.0:
                inside, content = scores.inside[0][asked], scores.content[0][asked]
                self.assertAllClose(inside.mean(), content.mean(), atol=0.06)
        self.assertLess(covered[0], 0.62)
        self.assertBetween(covered[1], 0.62, 0.74)
        self.assertGreater(covered[2], 0.75)

    def test_it_is_for_models_of_the_same_questions(self):
        concentrations, votes = sky(20)
        model = OracleOfVotes(concentrations)
        context = EvaluationContext(
            model, dataset(votes, concentrations), Path(self.get_temp_dir())
        )
        self.assertIsNone(context.lacks("votes"))
        self.assertEqual(describe("votes").needs, ("votes",))
        model.tree = DecisionTree.of(QUESTIONS[:1])
        self.assertIn("no questions with votes in common", context.lacks("votes"))


class ScoresTest(tf.test.TestCase):
    def test_coverage_is_exact_for_whole_numbers(self):
        # All numbers of votes, each as often as its probability says.
        for volunteers, a, b in ((1, 0.5, 0.5), (7, 2.0, 9.0), (40, 20.0, 3.0)):
            pmf = stats.betabinom.pmf(np.arange(volunteers + 1), volunteers, a, b)
            upto = np.cumsum(pmf)
            for level in (0.5, 0.68, 0.95):
                each = [coverage(u - p, u, level) for u, p in zip(upto, pmf, strict=True)]
                self.assertAllClose(np.sum(pmf * each), level, atol=1e-6)

    def test_votes_that_were_excluded_are_not_covered(self):
        self.assertEqual(coverage(np.array([1.0]), np.array([1.0]), 0.95), 0.0)

    def test_the_constant_prediction_is_the_best_one(self):
        alpha = np.array([6.0, 2.0, 0.7])
        draws = np.random.default_rng(0)
        votes = draws.multinomial(draws.poisson(30, 4000), draws.dirichlet(alpha, 4000))
        fitted = fit_concentrations(votes)
        self.assertAllClose(fitted, alpha, rtol=0.1)
        tree = DecisionTree.of(QUESTIONS[:1])
        logs = constant_log_prob(tree, votes, votes)[:, 0]
        expected = stats.dirichlet_multinomial.logpmf(votes, fitted, votes.sum(axis=1))
        self.assertAllClose(logs, expected)
        true = stats.dirichlet_multinomial.logpmf(votes, alpha, votes.sum(axis=1))
        self.assertBetween(logs.mean() - true.mean(), 0.0, 0.01)

    def test_a_question_nobody_was_asked(self):
        tree = DecisionTree.of(QUESTIONS[:1])
        self.assertAllEqual(constant_log_prob(tree, np.zeros((5, 3)), np.zeros((2, 3))), [[0], [0]])
        self.assertTrue(np.isnan(root_mean_square([])))
        self.assertAllClose(root_mean_square([3.0, 4.0]), np.sqrt(12.5))


if __name__ == "__main__":
    tf.test.main()
