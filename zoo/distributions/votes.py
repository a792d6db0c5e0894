"""Distributions of the votes of volunteers, by TFP, and what follows from a set of them."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_probability as tfp

from zoo.distributions.decision_tree import DecisionTree

__all__ = ["LIKELIHOODS", "VoteDistribution", "votes_quantile"]

tfd = tfp.distributions

LIKELIHOODS = ("binomial", "dirichlet_multinomial")

_CONCENTRATION_RANGE = 100.0

# A network that is certain of an answer is still not refuted by one vote for another.
_LOWEST_FRACTION = 1e-6


class VoteDistribution:
    """The votes for all answers of a tree, predicted by a network in one or several passes.

        k_q ~ 1/M sum_m DirichletMultinomial(N_q, alpha_mq),   alpha = a + 100 sigmoid(x)
        k_q ~ 1/M sum_m Multinomial(N_q, rho_mq),              rho_mq = softmax(x_mq)

    for each question q that N_q volunteers answered; with two answers these are the beta-binomial
    and the binomial distribution. The passes m are draws of the network's weights (MC dropout).
    The votes for one answer a, whatever the others got, are beta-binomial with alpha_a and the sum
    of the other alphas, or binomial with rho_a.

    Args:
        tree: The questions.
        likelihood: "dirichlet_multinomial" (Walmsley+22) or "binomial" (Walmsley+19), which is the
            multinomial in questions of more than two answers.
        parameters: Of the distributions, (..., passes, answers): alpha or rho.

    Raises:
        ValueError: if there is no such likelihood, or the parameters are not of these answers.

    References:
        Walmsley et al. 2019 (arXiv 1905.07424), sections 3.1 and 3.3; Walmsley et al. 2022 (arXiv
        2102.08414), section 4.1; Gal & Ghahramani 2016 (arXiv 1506.02142) for the passes.
    """

    def __init__(self, tree: DecisionTree, likelihood: str, parameters: tf.Tensor):
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f"likelihood must be one of {', '.join(LIKELIHOODS)}; got '{likelihood}'"
            )
        if parameters.shape[-1] != len(tree.answers):
            raise ValueError(
                f"parameters must be {len(tree.answers)}, one for each answer; "
                f"got {parameters.shape[-1]}"
            )
        self.tree = tree
        self.likelihood = likelihood
        self.parameters = parameters

    @classmethod
    def of_outputs(
        cls,
        tree: DecisionTree,
        likelihood: str,
        outputs: tf.Tensor,
        lowest_concentration: float = 1.0,
    ) -> VoteDistribution:
        """Returns the distribution for what a network puts out.

        Args:
            tree: The questions.
            likelihood: "dirichlet_multinomial" or "binomial".
            outputs: x above, (..., passes, answers).
            lowest_concentration: a above. 1 (default) is that of the source: each pass then has
                one most likely fraction. Below 1 it may say "either all or none".
        """
        if likelihood == "dirichlet_multinomial":
            parameters = lowest_concentration + _CONCENTRATION_RANGE * tf.sigmoid(outputs)
        else:
            shares = [tf.nn.softmax(outputs[..., span], axis=-1) for span in tree.spans]
            parameters = tf.maximum(tf.concat(shares, axis=-1), _LOWEST_FRACTION)
        return cls(tree, likelihood, parameters)

    def pass_fractions(self) -> tf.Tensor:
        """Returns the expected vote fractions of each pass, (..., passes, answers)."""
        if self.likelihood == "binomial":
            return self.parameters
        return self.parameters / self._per_answer(self.tree.totals(self.parameters))

    def fractions(self) -> tf.Tensor:
        """Returns the expected vote fractions among those who are asked, (..., answers)."""
        return tf.reduce_mean(self.pass_fractions(), axis=-2)

    def asked(self) -> tf.Tensor:
        """Returns the expected share of volunteers who come to each question, (..., questions)."""
        return tf.reduce_mean(self.tree.asked(self.pass_fractions()), axis=-2)

    def log_prob(self, votes: tf.Tensor) -> tf.Tensor:
        """Returns the log probability of the votes on each question, (..., questions), in nats.

        It is 0 for a question that nobody answered.

        Args:
            votes: (..., answers); the volunteers of a question are the sum of its votes.
        """
        votes = tf.cast(votes, tf.float32)[..., None, :]
        logs = []
        for span in self.tree.spans:
            counts, parameters = votes[..., span], self.parameters[..., span]
            volunteers = tf.reduce_sum(counts, axis=-1)
            if self.likelihood == "dirichlet_multinomial":
                density = tfd.DirichletMultinomial(volunteers, parameters)
            else:
                density = tfd.Multinomial(volunteers, probs=parameters)
            logs.append(tf.where(volunteers > 0, density.log_prob(counts), 0.0))
        by_pass = tf.stack(logs, axis=-1)
        passes = tf.cast(tf.shape(by_pass)[-2], tf.float32)
        return tf.reduce_logsumexp(by_pass, axis=-2) - tf.math.log(passes)

    def answer_probabilities(self, volunteers: tf.Tensor | int, most: int) -> tf.Tensor:
        """Returns the probability of 0, 1, ... votes for each answer, (..., answers, most + 1).

        Args:
            volunteers: Who are asked each question, (..., questions) integers, or one number for
                all questions.
            most: Largest of these numbers.
        """
        return tf.reduce_mean(self._pass_probabilities(volunteers, most), axis=-3)

    def entropy(self, volunteers: int) -> tf.Tensor:
        """Returns the entropy of the votes for each answer, (..., answers), in nats.

        Args:
            volunteers: Who are asked each question.
        """
        return _entropy(self.answer_probabilities(volunteers, volunteers))

    def mutual_information(self, volunteers: int) -> tf.Tensor:
        """Returns the information of votes on a question about the weights, (..., questions), nats.

            I_q = max_a ( H[1/M sum_m p(k_a | m)] - 1/M sum_m H[p(k_a | m)] )

        over the answers a of the question. With two answers this is the mutual information of
        votes and weights; with more, whose joint entropy has too many terms, it is that of the
        most informative answer, a lower bound.

        Args:
            volunteers: Who are asked each question.

        References:
            Houlsby et al. 2011 (arXiv 1112.5745), equation 2 (BALD); Walmsley et al. 2019, section
            3.4, for binomial votes.
        """
        by_pass = self._pass_probabilities(volunteers, volunteers)
        predictive = _entropy(tf.reduce_mean(by_pass, axis=-3))
        expected = tf.reduce_mean(_entropy(by_pass), axis=-2)
        # Rounding makes it negative where all passes agree.
        information = tf.maximum(predictive - expected, 0.0)
        by_question = [tf.reduce_max(information[..., span], axis=-1) for span in self.tree.spans]
        return tf.stack(by_question, axis=-1)

    def _pass_probabilities(self, volunteers: tf.Tensor | int, most: int) -> tf.Tensor:
        """Returns (..., passes, answers, most + 1)."""
        counts = tf.range(most + 1, dtype=tf.float32)
        if isinstance(volunteers, int):
            number = tf.constant(float(volunteers))
        else:
            number = self._per_answer(tf.cast(volunteers, tf.float32))[..., None, :, None]
        possible = counts <= number
        counts = tf.minimum(counts, number)
        parameters = self.parameters[..., None]
        if self.likelihood == "dirichlet_multinomial":
            total = self._per_answer(self.tree.totals(self.parameters))[..., None]
            density = tfd.BetaBinomial(number, parameters, total - parameters)
        else:
            density = tfd.Binomial(number, probs=parameters)
        return tf.where(possible, tf.exp(density.log_prob(counts)), 0.0)

    def _per_answer(self, per_question: tf.Tensor) -> tf.Tensor:
        return tf.gather(per_question, self.tree.question_of, axis=-1)


def votes_quantile(probabilities: tf.Tensor, levels: Sequence[float]) -> tf.Tensor:
    """Returns the smallest numbers of votes up to which there is that much probability.

    Args:
        probabilities: Of 0, 1, ... votes, (..., most + 1).
        levels: Probabilities in (0, 1).

    Returns:
        (..., levels) int32.
    """
    cumulative = tf.cumsum(probabilities, axis=-1)[..., None, :]
    below = cumulative < tf.constant(list(levels), cumulative.dtype)[:, None]
    number = tf.reduce_sum(tf.cast(below, tf.int32), axis=-1)
    # Rounding may leave the sum of all just under a level.
    return tf.minimum(number, tf.shape(probabilities)[-1] - 1)


def _entropy(probabilities: tf.Tensor) -> tf.Tensor:
    return -tf.reduce_sum(tf.math.xlogy(probabilities, probabilities), axis=-1)
