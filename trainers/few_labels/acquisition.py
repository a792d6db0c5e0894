"""Scores of models of votes, and the expected information gain (BALD) of further votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.prediction import inference
from zoo.distributions.decision_tree import DecisionTree
from zoo.model import ZooModel

__all__ = ["fraction_rmse", "information", "mostly_answered", "power_order", "score"]

_BATCH = 256


def score(
    model: ZooModel, images: np.ndarray, votes: np.ndarray, questions: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Returns `rmse`, see `fraction_rmse`, and the mean `log_likelihood` of a galaxy, nats.

    Args:
        model: A model with `distribution(outputs)`, whose outputs have `fractions`.
        images: (number, height, width, bands).
        votes: (number, answers) counts.
        questions: Questions of the decision tree, in the order of the answers.
    """
    answers = inference.apply(model, images, batch_size=_BATCH)
    logs = []
    for start in range(0, len(votes), _BATCH):
        part = slice(start, start + _BATCH)
        predicted = model.distribution({name: values[part] for name, values in answers.items()})
        logs.append(np.sum(predicted.log_prob(votes[part]).numpy(), axis=-1))
    return {
        "rmse": fraction_rmse(answers["fractions"], votes, questions),
        "log_likelihood": float(np.mean(np.concatenate(logs))),
    }


def fraction_rmse(
    predicted: np.ndarray, votes: np.ndarray, questions: Sequence[Mapping[str, Any]]
) -> float:
    """Returns the RMSE of predicted vote fractions, weighted by the votes for each question.

        sqrt(sum_q n_q sum_a (p_qa - k_qa / n_q)^2 / sum_q n_q A_q)

    summed over galaxies, questions q and their A_q answers a.

    Args:
        predicted: (number, answers) expected fractions of the votes for each question.
        votes: (number, answers) counts.
        questions: Questions of the decision tree, in the order of the answers.
    """
    lengths = [len(question["answers"]) for question in questions]
    starts = np.cumsum([0, *lengths[:-1]])
    asked = np.repeat(np.add.reduceat(votes, starts, axis=1), lengths, axis=1)
    error = predicted - votes / np.maximum(asked, 1)
    return float(np.sqrt(np.sum(asked * error**2) / np.sum(asked)))


def information(model: ZooModel, images: np.ndarray) -> np.ndarray:
    """Returns the expected information gain from the votes for each image, nats, (number,).

    Args:
        model: A model with `acquisition(images)`.
        images: (number, height, width, bands).
    """

    def acquire(batch):
        return {"information": model.acquisition(batch)}

    return inference.apply(acquire, images, batch_size=_BATCH)["information"]


def power_order(information: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Returns indices drawn without replacement in proportion to the information (PowerBALD).

    The largest values repeat each other: the most informative galaxies of one model resemble one
    another, and the batch as a whole teaches less than its members. Sampling, by the order of
    log(information) + Gumbel noise, spreads the batch.

    Args:
        information: (number,), nats, as from `information`; 0 comes last.
        draws: Random generator.

    References:
        Kirsch et al. 2021 (arXiv 2106.12059), section 3.2, with exponent 1.
    """
    with np.errstate(divide="ignore"):
        return np.argsort(-(np.log(information) + draws.gumbel(size=len(information))))


def mostly_answered(
    votes: np.ndarray, questions: Sequence[Mapping[str, Any]], answer: str
) -> np.ndarray:
    """Returns a mask of the galaxies for which an answer has more than half of its votes.

    Args:
        votes: (number, answers) counts.
        questions: Questions of the decision tree, in the order of the answers.
        answer: QUESTION_ANSWER.

    Raises:
        ValueError: if no question has this answer.
    """
    tree = DecisionTree.of(questions)
    if answer not in tree.answers:
        raise ValueError(f"`exclude` must be one of {', '.join(tree.answers)}; got '{answer}'")
    place = tree.answers.index(answer)
    asked = votes[:, tree.spans[tree.question_of[place]]].sum(axis=1)
    return votes[:, place] > asked / 2
