"""Simulated volunteers: a crowd of persons with skills and biases, who answer one by one.

A galaxy offers each question a value x on a continuous scale: an axis ratio, the strength of a bar,
the logarithm of a pitch angle. A volunteer v perceives

    x + s (sigma_v z + b_v + g),    z ~ N(0, 1)

and gives the answer between whose limits that lies (`truth.LIMITS`); one time in some thirty an
answer at random. The noise s of a question grows, and x moves towards that of a featureless blob,
as the clarity c falls:

    c = logistic((ln(th50 / fwhm) - ln 1.6) / 0.30) logistic((17.8 - r) / 0.45)

sigma_v (log-normal, 0.35) is the skill and b_v (normal, 0.5, one for each question) the bias of a
volunteer; g (normal, 0.35, one for each question) is common to all who see a galaxy, as the crowd
of the week in which it is shown differs from that of another. Few classify much: volunteers are
drawn with Pareto weights. Each goes down the tree by their own answers, so that answers to
different questions are correlated. No model of the zoo has this form.

The numbers are ours: set so that, as in the real catalogue, about half of the galaxies have a
confident answer at the root, fine details are lost first, and neighbouring answers are mistaken
for each other most.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.perception import ANSWERS, Look, clarity
from tfds_builders.galaxy_zoo_decals.truth import Truth

__all__ = ["Crowd", "answer_probabilities", "crowd", "draw_votes", "expected_fractions"]

_FEWEST = 5
_PERSONS = 1500
_SKILL_SCATTER, _BIAS_SCATTER, _COMMON_SCATTER = 0.35, 0.5, 0.35
_QUESTIONS = [each.name for each in GZD5.questions]


@dataclasses.dataclass(frozen=True)
class Crowd:
    """Persons who classify.

    Attributes:
        skill: (persons,), sigma: factor of the noise of their perception.
        bias: (persons, questions), in units of that noise.
        lapse: (persons,), probability of an answer at random.
        activity: (persons,), share of all classifications; the sum is 1.
    """

    skill: np.ndarray
    bias: np.ndarray
    lapse: np.ndarray
    activity: np.ndarray

    def taken(self, rows: np.ndarray) -> Crowd:
        """Returns some of the persons."""
        return Crowd(self.skill[rows], self.bias[rows], self.lapse[rows], self.activity[rows])


@functools.cache
def crowd() -> Crowd:
    """Returns the persons who classify in every simulation."""
    rng = np.random.default_rng(20)
    activity = rng.pareto(1.5, _PERSONS) + 0.1
    return Crowd(
        np.exp(_SKILL_SCATTER * rng.normal(size=_PERSONS)).astype(np.float32),
        (_BIAS_SCATTER * rng.normal(size=(_PERSONS, len(_QUESTIONS)))).astype(np.float32),
        rng.beta(1.0, 30.0, _PERSONS).astype(np.float32),
        activity / activity.sum(),
    )


def answer_probabilities(truth: Truth, persons: Crowd, common: np.ndarray) -> np.ndarray:
    """Returns the probability of each answer if its question is asked, (persons, 34).

    Args:
        truth: The galaxy.
        persons: Who answer.
        common: (questions,), what their biases have in common at this galaxy.
    """
    c = clarity(truth)
    lapse = persons.lapse[:, None]
    probabilities = []
    for place, question in enumerate(_QUESTIONS):
        bias = persons.bias[:, place] + np.float32(common[place])
        answers = ANSWERS[question](Look(truth, c, persons.skill, bias))
        probabilities.append((1 - lapse) * answers + lapse / answers.shape[1])
    return np.concatenate(probabilities, axis=1)


def draw_votes(truth: Truth, volunteers: float, rng: np.random.Generator) -> np.ndarray:
    """Draws the votes for all answers, (34,) int32.

    Args:
        truth: The galaxy.
        volunteers: Mean of their number at the root, which is a Poisson number, at least 5.
        rng: Source of who votes and how.
    """
    everybody = crowd()
    number = min(max(_FEWEST, int(rng.poisson(volunteers))), _PERSONS)
    rows = rng.choice(_PERSONS, number, replace=False, p=everybody.activity)
    common = _COMMON_SCATTER * rng.normal(size=len(_QUESTIONS))
    probabilities = answer_probabilities(truth, everybody.taken(rows), common)
    chosen = np.zeros(probabilities.shape, bool)
    luck = rng.uniform(size=(len(_QUESTIONS), number))
    for place, question in enumerate(GZD5.questions):
        span = GZD5.spans[question.name]
        steps = np.cumsum(probabilities[:, span], axis=1)
        answer = np.sum(luck[place][:, None] > steps[:, :-1], axis=1)
        asked = np.ones(number, bool)
        if question.parents:
            # The table has each question after its parents.
            asked = chosen[:, [GZD5.place(parent) for parent in question.parents]].any(axis=1)
        chosen[asked, span.start + answer[asked]] = True
    return chosen.sum(axis=0).astype(np.int32)


def expected_fractions(truth: Truth) -> np.ndarray:
    """Returns the mean fraction of each answer among those who are asked, (34,) float64.

    Of the whole crowd, each with its activity, and without what a galaxy's volunteers have in
    common: what could be predicted from the image.
    """
    everybody = crowd()
    probabilities = answer_probabilities(truth, everybody, np.zeros(len(_QUESTIONS)))
    reached = np.zeros_like(probabilities)
    fractions = np.empty(probabilities.shape[1])
    for question in GZD5.questions:
        span = GZD5.spans[question.name]
        asked = everybody.activity
        if question.parents:
            asked = reached[:, [GZD5.place(parent) for parent in question.parents]].sum(axis=1)
        reached[:, span] = asked[:, None] * probabilities[:, span]
        fractions[span] = reached[:, span].sum(axis=0) / asked.sum()
    return fractions
