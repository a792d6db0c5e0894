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
import scipy.special

from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.truth import LIMITS, Truth

__all__ = ["Crowd", "answer_probabilities", "clarity", "crowd", "draw_votes", "expected_fractions"]

# Median seeing of DECaLS in r, through which the volunteers looked.
_FWHM = 1.18
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


def clarity(truth: Truth) -> float:
    """Returns how much of a galaxy can be seen, 0 to 1."""
    size = (np.log(truth.radius / _FWHM) - np.log(1.6)) / 0.30
    return float(scipy.special.expit(size) * scipy.special.expit((17.8 - truth.magnitude) / 0.45))


def answer_probabilities(truth: Truth, persons: Crowd, common: np.ndarray) -> np.ndarray:
    """Returns the probability of each answer if its question is asked, (persons, 34).

    Args:
        truth: The galaxy.
        persons: Who answer.
        common: (questions,), what their biases have in common at this galaxy.
    """
    c = clarity(truth)
    answers = {
        question: _perceived(question, truth, c, persons, common[place])
        for place, question in enumerate(_QUESTIONS)
    }
    lapse = persons.lapse[:, None]
    return np.concatenate(
        [(1 - lapse) * answers[each] + lapse / answers[each].shape[1] for each in _QUESTIONS],
        axis=1,
    )


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


def _perceived(question: str, truth: Truth, c: float, persons: Crowd, common: float) -> np.ndarray:
    """Returns the probabilities of the answers of one question, (persons, answers)."""
    bias = persons.bias[:, _QUESTIONS.index(question)] + np.float32(common)
    bar = _as_blob(truth.bar_strength, 0.0, c)
    bulge = _as_blob(truth.bulge_fraction, 0.2, c)

    def below(limits: tuple[float, ...], value: float, noise: float) -> np.ndarray:
        """Returns the probability of a perception below each limit, (persons, limits)."""
        distance = np.array((np.array(limits) - value) / noise, np.float32) - bias[:, None]
        return scipy.special.ndtr(distance / persons.skill[:, None])

    def ordered(value: float, noise: float, scale=lambda x: x) -> np.ndarray:
        steps = below(tuple(scale(each) for each in LIMITS[question]), scale(value), noise)
        return np.diff(steps, axis=1, prepend=0.0, append=1.0)

    if question == "smooth-or-featured":
        smooth = below((0.40,), _features(truth, c), 0.16)
        spoilt = below((0.0,), -0.7 if truth.artefact else 1.6, 0.6)
        return np.concatenate([(1 - spoilt) * smooth, (1 - spoilt) * (1 - smooth), spoilt], axis=1)
    if question == "how-rounded":
        return ordered(_blurred(truth), 0.05 / (0.4 + 0.6 * c))[:, ::-1]
    if question == "disk-edge-on":
        return ordered(_blurred(truth), 0.045 / (0.5 + 0.5 * c))
    if question == "has-spiral-arms":
        return ordered(_arms(truth, c), 0.05 / (0.5 + 0.5 * c))[:, ::-1]
    if question == "bar":
        return ordered(bar, 0.09 / (0.5 + 0.5 * c))[:, ::-1]
    if question == "bulge-size":
        return ordered(bulge, 0.06 / (0.4 + 0.6 * c), np.sqrt)[:, ::-1]
    if question == "edge-on-bulge":
        none = ordered(bulge, 0.06 / (0.4 + 0.6 * c), np.sqrt)[:, :1]
        boxy = 1 - below((0.5,), truth.boxiness * c**0.5, 0.18)
        return np.concatenate([(1 - none) * boxy, none, (1 - none) * (1 - boxy)], axis=1)
    apart = c * _arms_apart(truth) if truth.arm_fraction else 0.0
    if question == "spiral-winding":
        pitch = np.exp(_as_blob(np.log(truth.pitch_angle or 19.0), np.log(19.0), apart))
        return ordered(pitch, 0.16 / (0.3 + 0.7 * apart), np.log)
    if question == "spiral-arm-count":
        number = _as_blob(truth.arm_number or 2, 2, apart)
        noise = (0.15 + 0.06 * number + 0.5 * truth.flocculence) / (0.4 + 0.6 * apart)
        steps = below((1.5, 2.5, 3.5, 4.5), number, noise)
        counts = np.diff(steps, axis=1, prepend=0.0, append=1.0)
        lost = 1 - below((0.70,), 0.8 * truth.flocculence + 0.4 * (1 - apart), 0.2)
        return np.concatenate([(1 - lost) * counts, lost], axis=1)
    # Companions and tails are large; they are seen sooner than arms.
    merger = 1 - below((0.5,), _companion(truth) * c**0.2, 0.15)
    rest = ordered(truth.disturbance * c**0.3, 0.10)
    return np.concatenate([(1 - merger) * rest, merger], axis=1)


def _as_blob(value: float, blob: float, c: float) -> float:
    """Returns a value that moves towards that of a blob where little can be seen."""
    share = c**0.5
    return share * value + (1 - share) * blob


def _features(truth: Truth, c: float) -> float:
    """Returns the evidence for features or a disk, 0 to 1."""
    flat = scipy.special.expit((0.34 - _blurred(truth)) / 0.05)
    if truth.smooth or truth.artefact:
        return float(0.06 + 0.30 * flat + 0.3 * truth.disturbance)
    signs = (
        0.15,
        0.9 * flat,
        min(truth.arm_fraction / 0.35, 1.0),
        min(truth.bar_strength / 0.6, 1.0) * 0.9,
        min(truth.ring_fraction / 0.2, 1.0) * 0.75,
        0.8 if truth.kind == "irregular" else 0.0,
        0.6 * truth.disturbance,
    )
    return max(signs) * c**0.5


def _arms(truth: Truth, c: float) -> float:
    """Returns the visible share of the disk's light in arms; some take a ring for tight arms."""
    seen = truth.arm_fraction * np.clip((truth.axis_ratio - 0.15) / 0.35, 0.0, 1.0)
    return float(max(seen, 0.4 * truth.ring_fraction) * c**0.5)


def _blurred(truth: Truth) -> float:
    """Returns the axis ratio through the PSF: axes squared add, with 0.4 of the FWHM as its own."""
    blur = (0.4 * _FWHM / truth.radius) ** 2
    return float(np.sqrt((truth.axis_ratio**2 + blur) / (1 + blur)))


def _companion(truth: Truth) -> float:
    """Returns the evidence for a merger, 0 to 1."""
    if not truth.companion:
        return 0.3 * truth.disturbance
    near = scipy.special.expit((3.0 - truth.companion_distance) / 0.3)
    disturbed = 0.6 + 0.4 * min(truth.disturbance / 0.3, 1.0)
    return float(min(truth.companion / 0.2, 1.0) * near * disturbed)


def _arms_apart(truth: Truth) -> float:
    """Returns how well neighbouring arms are resolved at two scale lengths, 0 to 1."""
    radius = 2 * truth.scale_length * np.sqrt(truth.axis_ratio)
    apart = 2 * np.pi * radius * np.tan(np.radians(truth.pitch_angle)) / truth.arm_number
    return float(scipy.special.expit((np.log(apart / _FWHM) - np.log(1.1)) / 0.25))
