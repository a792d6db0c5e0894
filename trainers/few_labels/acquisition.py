"""Scores of models of votes, and the information gain (BALD) of further votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.prediction import inference

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["fraction_rmse", "information", "score"]

_BATCH = 256


def score(
    model: ZooModel, images: np.ndarray, votes: np.ndarray, questions: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Returns `rmse`, see `fraction_rmse`, and the mean `log_likelihood` of a galaxy, nats.

    Args:
        model: A model whose answer has `fractions`, and with `distribution(answer)`.
        images: (number, height, width, bands).
        votes: (number, answers) counts.
        questions: Of the decision tree, in the order of the answers.
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
    """Returns the error of predicted vote fractions, each weighed by the votes on its question.

        sqrt(sum_q n_q sum_a (p_qa - k_qa / n_q)^2 / sum_q n_q A_q)

    over galaxies, questions q and their A_q answers a.

    Args:
        predicted: (number, answers) expected fractions of those asked.
        votes: (number, answers) counts.
        questions: Of the decision tree, in the order of the answers.
    """
    lengths = [len(question["answers"]) for question in questions]
    starts = np.cumsum([0, *lengths[:-1]])
    asked = np.repeat(np.add.reduceat(votes, starts, axis=1), lengths, axis=1)
    error = predicted - votes / np.maximum(asked, 1)
    return float(np.sqrt(np.sum(asked * error**2) / np.sum(asked)))


def information(model: ZooModel, images: np.ndarray) -> np.ndarray:
    """Returns what the votes for each image would teach a model with `acquisition`, (number,)."""

    def taught(batch):
        return {"information": model.acquisition(batch)}

    return inference.apply(taught, images, batch_size=_BATCH)["information"]
