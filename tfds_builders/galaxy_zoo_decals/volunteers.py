"""Simulated volunteers: expected vote fractions of a galaxy, and votes drawn from them.

A galaxy that is large beside the seeing and bright is seen as it is, up to answers that are alike;
of a small or faint one the volunteers see little, and answer as of a blob. With c the clarity, a
number from 0 to 1,

    c = logistic((ln(th50 / fwhm) - ln 1.6) / 0.30) logistic((17.8 - r) / 0.45)
    p(answer) = c K[truth](answer) + (1 - c) B(answer)
    votes of one question ~ Dirichlet-multinomial(n, 30 p)

n is a Poisson number about 40 at the root, and the votes of its parents at any other question. K, B
and the constants are ours: set so that, as in the real catalogue, about half of the galaxies have
a confident answer at the root, fine details are lost first, and neighbouring answers (windings,
bulge sizes, numbers of arms) are mistaken for each other most. The concentration of 30 makes the
votes of 40 volunteers scatter 1.5 times as much as those of independent ones.
"""

from __future__ import annotations

import numpy as np
import scipy.special

from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.truth import Truth

__all__ = ["CONCENTRATION", "clarity", "draw_votes", "expected_fractions"]

CONCENTRATION = 30.0

# Median seeing of DECaLS in r, through which the volunteers looked.
_FWHM = 1.18
_FEWEST = 5

# Rows: truth; columns: answers, both in the order of the table. The last row is the blob's.
_CONFUSION = {
    "has-spiral-arms": ((0.95, 0.05), (0.05, 0.95), (0.22, 0.78)),
    "bar": ((0.84, 0.13, 0.03), (0.10, 0.73, 0.17), (0.01, 0.06, 0.93), (0.04, 0.13, 0.83)),
    "edge-on-bulge": (
        (0.76, 0.04, 0.20),
        (0.02, 0.91, 0.07),
        (0.05, 0.04, 0.91),
        (0.08, 0.32, 0.60),
    ),
    "spiral-winding": (
        (0.84, 0.14, 0.02),
        (0.13, 0.74, 0.13),
        (0.02, 0.14, 0.84),
        (0.42, 0.34, 0.24),
    ),
    "spiral-arm-count": (
        (0.80, 0.13, 0.01, 0.00, 0.01, 0.05),
        (0.03, 0.90, 0.03, 0.01, 0.00, 0.03),
        (0.01, 0.09, 0.78, 0.06, 0.01, 0.05),
        (0.01, 0.05, 0.09, 0.74, 0.05, 0.06),
        (0.01, 0.03, 0.03, 0.09, 0.75, 0.09),
        (0.07, 0.36, 0.07, 0.04, 0.05, 0.41),
    ),
    "merging": (
        (0.93, 0.05, 0.01, 0.01),
        (0.17, 0.72, 0.09, 0.02),
        (0.05, 0.17, 0.68, 0.10),
        (0.03, 0.04, 0.07, 0.86),
        (0.76, 0.14, 0.05, 0.05),
    ),
}
# Answers to questions that do not apply: as of a galaxy without any of it.
_NOTHING = {"bar": "no", "has-spiral-arms": "no", "merging": "none"}


def clarity(truth: Truth) -> float:
    """Returns how much of a galaxy can be seen, 0 to 1."""
    size = (np.log(truth.radius / _FWHM) - np.log(1.6)) / 0.30
    return float(scipy.special.expit(size) * scipy.special.expit((17.8 - truth.magnitude) / 0.45))


def expected_fractions(truth: Truth) -> np.ndarray:
    """Returns the probability of each answer, given that its question is asked, (34,) float64."""
    c = clarity(truth)
    expected = {
        "smooth-or-featured": _root(truth, c),
        "disk-edge-on": _edge_on(truth, c),
        "how-rounded": _roundness(truth),
        "bulge-size": _bulge_size(truth, c),
    }
    for question, rows in _CONFUSION.items():
        *visible, blob = rows
        names = next(each.answers for each in GZD5.questions if each.name == question)
        answer = truth.answers.get(question, _NOTHING.get(question))
        seen = visible[names.index(answer)] if answer else blob
        share = c
        if question == "merging":
            # Companions and tails are large; they are seen sooner than arms.
            share = c**0.3
        elif question in ("spiral-winding", "spiral-arm-count") and truth.arm_number:
            share = c * _arms_apart(truth)
        expected[question] = share * np.array(seen) + (1 - share) * np.array(blob)
    if truth.ring and not truth.arm_number:
        # Some take a ring for tight arms.
        expected["has-spiral-arms"] = np.array([0.3, 0.7])
    return np.concatenate(
        [expected[each.name] / expected[each.name].sum() for each in GZD5.questions]
    )


def draw_votes(expected: np.ndarray, volunteers: float, rng: np.random.Generator) -> np.ndarray:
    """Draws the votes for all answers, (34,) int32.

    Args:
        expected: As `expected_fractions` returns it.
        volunteers: Mean of their number at the root.
        rng: Source of the votes.
    """
    votes = np.zeros(len(expected), np.int32)
    number = max(_FEWEST, int(rng.poisson(volunteers)))
    for question in GZD5.questions:
        asked = number
        if question.parents:
            # The table has each question after its parents.
            asked = int(sum(votes[GZD5.place(parent)] for parent in question.parents))
        span = GZD5.spans[question.name]
        # Answers that nobody gives are left out: a gamma deviate of shape 0 is 0.
        share = rng.gamma(CONCENTRATION * expected[span])
        votes[span] = rng.multinomial(asked, share / share.sum())
    return votes


def _root(truth: Truth, c: float) -> np.ndarray:
    if truth.artefact:
        return np.array([0.10, 0.06, 0.84])
    if truth.smooth:
        # Flat ones may be disks from the side.
        featured = 0.06 + 0.22 * scipy.special.expit((0.32 - truth.axis_ratio) / 0.04)
        return np.array([0.97 - featured, featured, 0.03])
    strength = 1.0
    if not truth.edge_on:
        signs = (
            0.95 if truth.arm_number else 0.0,
            {"strong": 0.85, "weak": 0.55, "no": 0.0}[truth.answers["bar"]],
            0.75 if truth.ring else 0.0,
            0.30,
        )
        strength = max(signs)
    featured = 0.12 + 0.84 * strength * c**0.6
    return np.array([0.98 - featured, featured, 0.02])


def _edge_on(truth: Truth, c: float) -> np.ndarray:
    if truth.edge_on:
        share = 0.55 + 0.42 * c**0.5
    elif truth.smooth:
        share = 0.03 + 0.72 * scipy.special.expit((0.34 - truth.axis_ratio) / 0.03)
    else:
        share = 0.02 + 0.10 * scipy.special.expit((0.54 - truth.axis_ratio) / 0.04)
    return np.array([share, 1 - share])


def _roundness(truth: Truth) -> np.ndarray:
    # The PSF makes them rounder: axes squared add, with half the FWHM as that of the PSF.
    blur = (0.5 * _FWHM / truth.radius) ** 2
    seen = np.sqrt((truth.axis_ratio**2 + blur) / (1 + blur))
    long = scipy.special.expit((0.45 - seen) / 0.03)
    round_ = scipy.special.expit((seen - 0.82) / 0.02)
    return 0.94 * np.array([round_, (1 - round_) * (1 - long), long]) + 0.02


def _bulge_size(truth: Truth, c: float) -> np.ndarray:
    # Where the bulge lies on the scale of the five answers, dominant to none.
    place = np.interp(
        1.0 if truth.smooth else truth.bulge_fraction,
        (0.0, 0.06, 0.21, 0.41, 0.68),
        (4.0, 3.0, 2.0, 1.0, 0.0),
    )
    width = 0.42 / (0.35 + 0.65 * c)
    share = np.exp(-0.5 * ((np.arange(5) - place) / width) ** 2)
    return share / share.sum() * 0.97 + 0.006


def _arms_apart(truth: Truth) -> float:
    """Returns how well neighbouring arms are resolved at two scale lengths, 0 to 1."""
    radius = 2 * truth.scale_length * np.sqrt(truth.axis_ratio)
    apart = 2 * np.pi * radius * np.tan(np.radians(truth.pitch_angle)) / truth.arm_number
    return float(scipy.special.expit((np.log(apart / _FWHM) - np.log(1.1)) / 0.25))
