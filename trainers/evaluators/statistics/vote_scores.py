"""Scores of predicted distributions of votes against the observed votes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, special, stats

if TYPE_CHECKING:
    from zoo.distributions.decision_tree import DecisionTree
    from zoo.vote_model import VoteModel

__all__ = [
    "VoteScores",
    "constant_log_prob",
    "coverage",
    "fit_concentrations",
    "root_mean_square",
    "score",
]

# Galaxies whose distributions are held in memory at a time.
_CHUNK = 64


@dataclasses.dataclass(frozen=True)
class VoteScores:
    """Predictions and votes.

    Attributes:
        votes: (galaxies, answers) integers.
        volunteers: (galaxies, answers), who answered the question of each answer.
        fractions: (galaxies, answers), predicted.
        log_prob: (galaxies, questions), of the votes; 0 where nobody was asked.
        below: (galaxies, answers), predicted probability of fewer votes than there are.
        upto: (galaxies, answers), that of as many or fewer.
        inside: (levels, galaxies, answers), whether the votes lie in the central interval, ends
            included.
        content: (levels, galaxies, answers), the probability of that interval.
    """

    votes: np.ndarray
    volunteers: np.ndarray
    fractions: np.ndarray
    log_prob: np.ndarray
    below: np.ndarray
    upto: np.ndarray
    inside: np.ndarray
    content: np.ndarray


def score(
    model: VoteModel, answer: Mapping[str, np.ndarray], votes: np.ndarray, levels: tuple[float, ...]
) -> VoteScores:
    """Compares the answers of a model with the votes.

    Args:
        model: A model of votes.
        answer: Its outputs, as `call` names them, (galaxies, ...).
        votes: (galaxies, answers).
        levels: Of the central credible intervals.
    """
    parts = [
        _score(
            model,
            {name: values[i : i + _CHUNK] for name, values in answer.items()},
            votes[i : i + _CHUNK],
            levels,
        )
        for i in range(0, len(votes), _CHUNK)
    ]
    joined = {
        name: np.concatenate(
            [part[name] for part in parts], axis=int(name in ("inside", "content"))
        )
        for name in parts[0]
    }
    return VoteScores(**joined)


def _score(model: VoteModel, answer: Mapping[str, np.ndarray], votes: np.ndarray, levels) -> dict:
    from zoo.distributions.votes import votes_quantile

    tree, predicted = model.tree, model.distribution(answer)
    volunteers = tree.totals(votes).numpy()
    most = int(volunteers.max())
    probabilities = predicted.answer_probabilities(volunteers, most)
    ends = [(1 + sign * level) / 2 for sign in (-1, 1) for level in levels]
    quantiles = np.moveaxis(votes_quantile(probabilities, ends).numpy(), -1, 0)
    low, high = np.split(quantiles, 2)
    # With 0 in front: the probability of fewer than k votes stands at k.
    cumulative = np.pad(np.cumsum(probabilities.numpy(), axis=-1), ((0, 0), (0, 0), (1, 0)))
    cumulative = np.clip(cumulative, 0, 1)

    def fewer_than(number: np.ndarray) -> np.ndarray:
        return np.take_along_axis(cumulative, number[..., None], axis=-1)[..., 0]

    return {
        "votes": votes,
        "volunteers": volunteers[:, list(tree.question_of)],
        "fractions": predicted.fractions().numpy(),
        "log_prob": predicted.log_prob(votes).numpy(),
        "below": fewer_than(votes),
        "upto": fewer_than(votes + 1),
        "inside": (low <= votes) & (votes <= high),
        "content": np.stack(
            [
                fewer_than(last + 1) - fewer_than(first)
                for first, last in zip(low, high, strict=True)
            ]
        ),
    }


def coverage(below: np.ndarray, upto: np.ndarray, level: float) -> float:
    """Returns the share of votes in the central intervals that hold exactly a level.

    Votes are whole numbers, and an interval of whole numbers holds more than its level. So each
    number k stands for the range F(k - 1) ... F(k) of the predicted distribution, evenly, and
    counts as far as that lies between (1 - level)/2 and (1 + level)/2: the randomised interval,
    averaged over its draws. For a true prediction it is the level.

    Args:
        below: F(k - 1) of the observed votes.
        upto: F(k).
        level: Of the interval, in (0, 1).

    References:
        Czado, Gneiting & Held 2009 (Biometrics 65, 1254), section 2, nonrandomised PIT.
    """
    # Votes that the prediction all but excludes have no width in float32.
    width = np.maximum(upto - below, 1e-7)
    low, high = (1 - level) / 2, (1 + level) / 2
    overlap = np.minimum(below + width, high) - np.maximum(below, low)
    return float(np.mean(np.clip(overlap, 0, None) / width))


def fit_concentrations(votes: np.ndarray) -> np.ndarray:
    """Returns the concentrations of the Dirichlet-multinomial that fits the votes on a question.

    Args:
        votes: (galaxies, answers of one question), of galaxies that differ in nothing.
    """
    votes = votes[votes.sum(axis=1) > 0].astype(int)
    if not len(votes):
        return np.ones(votes.shape[1])

    def mean_nll(logs: np.ndarray) -> tuple[float, np.ndarray]:
        alpha = np.exp(logs)
        value = -np.mean(stats.dirichlet_multinomial.logpmf(votes, alpha, votes.sum(axis=1)))
        change = special.digamma(alpha.sum()) - special.digamma(alpha.sum() + votes.sum(axis=1))
        slope = change[:, None] + special.digamma(votes + alpha) - special.digamma(alpha)
        return value, -slope.mean(axis=0) * alpha

    start = np.log(votes.sum(axis=0) / votes.sum() * 10 + 0.1)
    bounds = [(-7, 9)] * len(start)
    return np.exp(optimize.minimize(mean_nll, start, jac=True, bounds=bounds).x)


def constant_log_prob(
    tree: DecisionTree, training_votes: np.ndarray, votes: np.ndarray
) -> np.ndarray:
    """Returns the log probability of votes by one distribution for all, (galaxies, questions).

    Args:
        tree: The questions.
        training_votes: Votes that the distributions are fitted to, (galaxies, answers).
        votes: (galaxies, answers).
    """
    columns = []
    for span in tree.spans:
        alpha = fit_concentrations(training_votes[:, span])
        counts = votes[:, span].astype(int)
        columns.append(stats.dirichlet_multinomial.logpmf(counts, alpha, counts.sum(axis=1)))
    return np.stack(columns, axis=1)


def root_mean_square(values: Any) -> float:
    """Returns the root of the mean square, NaN of nothing."""
    values = np.asarray(values, np.float64)
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")
