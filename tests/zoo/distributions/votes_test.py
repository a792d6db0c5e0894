import numpy as np
import tensorflow as tf
from scipy import special, stats

from tests.zoo.models.vote_questions import QUESTIONS, votes
from zoo.distributions.decision_tree import DecisionTree
from zoo.distributions.votes import VoteDistribution, votes_quantile

TREE = DecisionTree.of(QUESTIONS)


def outputs(passes=3, galaxies=2):
    draws = np.random.default_rng(0).normal(-1, 1.5, (galaxies, passes, 7))
    return tf.constant(draws, tf.float32)


class LikelihoodTest(tf.test.TestCase):
    def test_dirichlet_multinomial_is_that_of_scipy(self):
        x, k = outputs(passes=1), votes(2).numpy()
        predicted = VoteDistribution.of_outputs(TREE, "dirichlet_multinomial", x)
        alpha = 1 + 100 * special.expit(x.numpy()[:, 0])
        self.assertAllClose(predicted.parameters[:, 0], alpha, rtol=1e-5)
        lower = VoteDistribution.of_outputs(TREE, "dirichlet_multinomial", x, 0.1)
        self.assertAllClose(lower.parameters[:, 0], alpha - 0.9, rtol=1e-5)
        expected = [
            [
                stats.dirichlet_multinomial.logpmf(row[span], a[span], row[span].sum())
                for span in TREE.spans
            ]
            for row, a in zip(k, alpha, strict=True)
        ]
        self.assertAllClose(predicted.log_prob(votes(2)), expected, rtol=1e-3, atol=1e-3)
        self.assertAllClose(
            predicted.fractions()[:, :3], alpha[:, :3] / alpha[:, :3].sum(1, keepdims=True)
        )

    def test_binomial_is_the_multinomial_of_scipy(self):
        x, k = outputs(passes=1), votes(2).numpy()
        predicted = VoteDistribution.of_outputs(TREE, "binomial", x)
        rho = [special.softmax(x.numpy()[:, 0, span].astype(float), axis=-1) for span in TREE.spans]
        expected = [
            stats.multinomial.logpmf(k[:, span], k[:, span].sum(1), p)
            for span, p in zip(TREE.spans, rho, strict=True)
        ]
        self.assertAllClose(predicted.log_prob(votes(2)), np.stack(expected, 1), rtol=1e-4)
        self.assertAllClose(predicted.fractions(), np.concatenate(rho, 1), rtol=1e-5)

    def test_a_question_without_votes_counts_for_nothing(self):
        x = outputs()
        for likelihood in ("binomial", "dirichlet_multinomial"):
            with tf.GradientTape() as tape:
                tape.watch(x)
                predicted = VoteDistribution.of_outputs(TREE, likelihood, x)
                logs = predicted.log_prob(votes(2))
            gradient = tape.gradient(logs, x).numpy()
            self.assertAllClose(logs[0, 1], 0.0, atol=1e-6)
            self.assertAllEqual(gradient[0, :, TREE.spans[1]], np.zeros((3, 2)))
            self.assertTrue((gradient[1, :, TREE.spans[1]] != 0).all())
            self.assertAllEqual(predicted.log_prob(tf.zeros((2, 7))), np.zeros((2, 3)))

    def test_extreme_outputs_stay_finite(self):
        x = tf.constant([[-1e4, 1e4, 0.0, -1e4, 1e4, 1e4, 1e4]])[None]
        for likelihood in ("binomial", "dirichlet_multinomial"):
            with tf.GradientTape() as tape:
                tape.watch(x)
                logs = VoteDistribution.of_outputs(TREE, likelihood, x).log_prob(votes(1))
            self.assertTrue(np.isfinite(logs).all())
            self.assertTrue(np.isfinite(tape.gradient(logs, x)).all())

    def test_several_passes_are_a_mixture(self):
        x = outputs(passes=4)
        for likelihood in ("binomial", "dirichlet_multinomial"):
            mixture = VoteDistribution.of_outputs(TREE, likelihood, x)
            alone = [VoteDistribution.of_outputs(TREE, likelihood, x[:, i : i + 1])
                     for i in range(4)]  # fmt: skip
            logs = np.stack([one.log_prob(votes(2)) for one in alone])
            expected = special.logsumexp(logs, axis=0) - np.log(4)
            self.assertAllClose(mixture.log_prob(votes(2)), expected, rtol=1e-4)
            self.assertAllClose(mixture.fractions(), np.mean([o.fractions() for o in alone], 0))
            self.assertAllClose(mixture.asked(), np.mean([o.asked() for o in alone], 0))

    def test_arguments_are_checked(self):
        with self.assertRaisesRegex(ValueError, "likelihood must be one of binomial, .*'normal'"):
            VoteDistribution(TREE, "normal", outputs())
        with self.assertRaisesRegex(ValueError, "must be 7, one for each answer; got 6"):
            VoteDistribution(TREE, "binomial", outputs()[..., :6])


class PredictionTest(tf.test.TestCase):
    def test_votes_for_an_answer_are_beta_binomial(self):
        x = outputs()
        predicted = VoteDistribution.of_outputs(TREE, "dirichlet_multinomial", x)
        volunteers = np.array([[40, 12, 0], [35, 40, 7]])
        result = predicted.answer_probabilities(volunteers, 40).numpy()
        alpha = 1 + 100 * special.expit(x.numpy().astype(float))
        for galaxy in range(2):
            for number, span in enumerate(TREE.spans):
                a, n = alpha[galaxy, :, span], volunteers[galaxy, number]
                others = a.sum(1, keepdims=True) - a
                k = np.arange(41)[:, None, None]
                expected = stats.betabinom.pmf(k, n, a, others).mean(1).T
                self.assertAllClose(result[galaxy, span], expected, atol=2e-5)
        self.assertAllClose(result.sum(-1), np.ones((2, 7)), atol=1e-4)
        self.assertAllClose(predicted.answer_probabilities(9, 9)[..., -1].shape, (2, 7))

    def test_votes_for_an_answer_are_binomial(self):
        x = outputs()
        predicted = VoteDistribution.of_outputs(TREE, "binomial", x)
        result = predicted.answer_probabilities(np.array([[40, 12, 0], [35, 40, 7]]), 40)
        rho = special.softmax(x.numpy()[1, :, :3].astype(float), axis=-1)
        expected = stats.binom.pmf(np.arange(41)[:, None, None], 35, rho).mean(1).T
        self.assertAllClose(result[1, :3], expected, atol=2e-5)

    def test_marginal_is_that_of_drawn_votes(self):
        alpha = np.array([3.0, 10.0, 1.5])
        tree = DecisionTree.of(QUESTIONS[:1])
        predicted = VoteDistribution(
            tree, "dirichlet_multinomial", tf.constant([alpha], tf.float32)
        )
        draws = np.random.default_rng(1)
        drawn = draws.multinomial(20, draws.dirichlet(alpha, 40_000))
        for answer in range(3):
            share = np.bincount(drawn[:, answer], minlength=21) / 40_000
            result = predicted.answer_probabilities(20, 20)[answer]
            # Five standard errors of the largest share.
            self.assertAllClose(result, share, atol=5 * np.sqrt(share.max() / 40_000))

    def test_quantiles_are_those_of_scipy(self):
        probabilities = stats.betabinom.pmf(np.arange(31), 30, 4.0, 9.0)
        levels = (0.025, 0.16, 0.5, 0.84, 0.975)
        result = votes_quantile(tf.constant(probabilities, tf.float32), levels)
        self.assertAllEqual(result, stats.betabinom.ppf(levels, 30, 4.0, 9.0))
        self.assertAllEqual(votes_quantile(tf.constant([0.3, 0.6999999]), (0.9999999,)), [1])

    def test_entropy(self):
        predicted = VoteDistribution.of_outputs(TREE, "binomial", outputs())
        rho = predicted.parameters.numpy()[0, :, 5].astype(float)
        share = stats.binom.pmf(np.arange(13)[:, None], 12, rho).mean(1)
        self.assertAllClose(predicted.entropy(12)[0, 5], stats.entropy(share), rtol=1e-4)


class MutualInformationTest(tf.test.TestCase):
    def _of_two(self, rho, volunteers, likelihood="binomial"):
        tree = DecisionTree.of([{"name": "bar", "answers": ["yes", "no"]}])
        rho = np.asarray(rho, np.float32)
        parameters = tf.constant(np.stack([rho, 1 - rho], -1)[None])
        return float(
            VoteDistribution(tree, likelihood, parameters).mutual_information(volunteers)[0, 0]
        )

    def test_two_passes_and_one_vote_in_closed_form(self):
        p, q = 0.2, 0.7
        entropy = lambda r: -r * np.log(r) - (1 - r) * np.log(1 - r)  # noqa: E731
        expected = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
        self.assertAllClose(self._of_two([p, q], 1), expected, rtol=1e-4)

    def test_passes_that_contradict_each_other_can_be_told_by_one_bit(self):
        self.assertAllClose(self._of_two([1e-6, 1 - 1e-6], 40), np.log(2), rtol=1e-3)

    def test_passes_that_agree_teach_nothing(self):
        self.assertAllClose(self._of_two([0.3, 0.3, 0.3], 40), 0.0, atol=1e-5)

    def test_dirichlet_multinomial_of_one_vote_is_that_of_its_mean(self):
        tree = DecisionTree.of([{"name": "bar", "answers": ["yes", "no"]}])
        alpha = tf.constant([[[2.0, 8.0], [21.0, 9.0]]])
        result = VoteDistribution(tree, "dirichlet_multinomial", alpha).mutual_information(1)
        self.assertAllClose(result[0, 0], self._of_two([0.2, 0.7], 1), rtol=1e-3)

    def test_of_more_answers_it_is_a_lower_bound_of_the_joint_information(self):
        predicted = VoteDistribution.of_outputs(TREE, "binomial", outputs(passes=4))
        number = 5
        grid = [(i, j, number - i - j) for i in range(number + 1) for j in range(number + 1 - i)]
        for galaxy, rho in enumerate(predicted.parameters.numpy().astype(float)[:, :, :3]):
            rho /= rho.sum(axis=-1, keepdims=True)
            joint = _information([stats.multinomial.pmf(grid, number, p) for p in rho])
            alone = [
                _information([stats.binom.pmf(np.arange(number + 1), number, p) for p in rho[:, a]])
                for a in range(3)
            ]
            result = float(predicted.mutual_information(number)[galaxy, 0])
            self.assertAllClose(result, max(alone), rtol=1e-3)
            self.assertBetween(result, 0.5 * joint, joint)


def _information(by_pass):
    return stats.entropy(np.mean(by_pass, axis=0)) - np.mean(stats.entropy(by_pass, axis=1))


if __name__ == "__main__":
    tf.test.main()
