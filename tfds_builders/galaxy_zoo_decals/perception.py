"""Perception of simulated galaxies: probability of each answer to each question.

A person perceives a property of the galaxy with noise and bias, and gives the answer whose interval
contains the perceived value; see `volunteers`. `ANSWERS` has one function for each question.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import scipy.special

from tfds_builders.galaxy_zoo_decals.truth import LIMITS, Truth

__all__ = ["ANSWERS", "Look", "clarity"]

# Median seeing of DECaLS in r, through which the volunteers looked.
_FWHM = 1.18


@dataclasses.dataclass(frozen=True)
class Look:
    """People who look at a galaxy with one question in mind.

    Attributes:
        truth: The galaxy.
        clarity: Of the galaxy, 0 to 1; see `clarity`.
        skill: (persons,), factor of the noise of their perception.
        bias: (persons,), in units of that noise.
    """

    truth: Truth
    clarity: float
    skill: np.ndarray
    bias: np.ndarray

    def below(self, limits: tuple[float, ...], value: float, noise: float) -> np.ndarray:
        """Returns the probability of a perception below each limit, (persons, limits)."""
        distance = np.array((np.array(limits) - value) / noise, np.float32) - self.bias[:, None]
        return scipy.special.ndtr(distance / self.skill[:, None])

    def between(self, limits: tuple[float, ...], value: float, noise: float) -> np.ndarray:
        """Returns the probability of each interval of a perception, (persons, limits + 1)."""
        return np.diff(self.below(limits, value, noise), axis=1, prepend=0.0, append=1.0)

    def noise(self, least: float, constant: float) -> float:
        """Returns the noise of a perception, which falls with the clarity to `least`."""
        return least / (constant + (1 - constant) * self.clarity)


def clarity(truth: Truth) -> float:
    """Returns how much of a galaxy can be seen, 0 to 1."""
    size = (np.log(truth.radius / _FWHM) - np.log(1.6)) / 0.30
    return float(scipy.special.expit(size) * scipy.special.expit((17.8 - truth.magnitude) / 0.45))


def _smooth_or_featured(look: Look) -> np.ndarray:
    smooth = look.below((0.40,), _features(look.truth, look.clarity), 0.16)
    spoilt = look.below((0.0,), -0.7 if look.truth.artefact else 1.6, 0.6)
    return np.concatenate([(1 - spoilt) * smooth, (1 - spoilt) * (1 - smooth), spoilt], axis=1)


def _how_rounded(look: Look) -> np.ndarray:
    limits = LIMITS["how-rounded"]
    return look.between(limits, _blurred(look.truth), look.noise(0.05, 0.4))[:, ::-1]


def _disk_edge_on(look: Look) -> np.ndarray:
    return look.between(LIMITS["disk-edge-on"], _blurred(look.truth), look.noise(0.045, 0.5))


def _has_spiral_arms(look: Look) -> np.ndarray:
    seen = _arms(look.truth, look.clarity)
    return look.between(LIMITS["has-spiral-arms"], seen, look.noise(0.05, 0.5))[:, ::-1]


def _bar(look: Look) -> np.ndarray:
    strength = _as_blob(look.truth.bar_strength, 0.0, look.clarity)
    return look.between(LIMITS["bar"], strength, look.noise(0.09, 0.5))[:, ::-1]


def _bulge(look: Look, question: str) -> np.ndarray:
    """Returns the probability of each size of the bulge, the smallest first."""
    fraction = _as_blob(look.truth.bulge_fraction, 0.2, look.clarity)
    limits = tuple(np.sqrt(each) for each in LIMITS[question])
    return look.between(limits, np.sqrt(fraction), look.noise(0.06, 0.4))


def _bulge_size(look: Look) -> np.ndarray:
    return _bulge(look, "bulge-size")[:, ::-1]


def _edge_on_bulge(look: Look) -> np.ndarray:
    none = _bulge(look, "edge-on-bulge")[:, :1]
    boxy = 1 - look.below((0.5,), look.truth.boxiness * look.clarity**0.5, 0.18)
    return np.concatenate([(1 - none) * boxy, none, (1 - none) * (1 - boxy)], axis=1)


def _spiral_winding(look: Look) -> np.ndarray:
    apart = _arms_apart(look)
    pitch = np.exp(_as_blob(np.log(look.truth.pitch_angle or 19.0), np.log(19.0), apart))
    limits = tuple(np.log(each) for each in LIMITS["spiral-winding"])
    return look.between(limits, np.log(pitch), 0.16 / (0.3 + 0.7 * apart))


def _spiral_arm_count(look: Look) -> np.ndarray:
    apart, flocculence = _arms_apart(look), look.truth.flocculence
    number = _as_blob(look.truth.arm_number or 2, 2, apart)
    noise = (0.15 + 0.06 * number + 0.5 * flocculence) / (0.4 + 0.6 * apart)
    counts = look.between((1.5, 2.5, 3.5, 4.5), number, noise)
    lost = 1 - look.below((0.70,), 0.8 * flocculence + 0.4 * (1 - apart), 0.2)
    return np.concatenate([(1 - lost) * counts, lost], axis=1)


def _merging(look: Look) -> np.ndarray:
    # Companions and tails are large; they are seen sooner than arms.
    merger = 1 - look.below((0.5,), _companion(look.truth) * look.clarity**0.2, 0.15)
    rest = look.between(LIMITS["merging"], look.truth.disturbance * look.clarity**0.3, 0.10)
    return np.concatenate([(1 - merger) * rest, merger], axis=1)


ANSWERS: Mapping[str, Callable[[Look], np.ndarray]] = {
    "smooth-or-featured": _smooth_or_featured,
    "disk-edge-on": _disk_edge_on,
    "has-spiral-arms": _has_spiral_arms,
    "bar": _bar,
    "bulge-size": _bulge_size,
    "how-rounded": _how_rounded,
    "edge-on-bulge": _edge_on_bulge,
    "spiral-winding": _spiral_winding,
    "spiral-arm-count": _spiral_arm_count,
    "merging": _merging,
}
"""Probability of each answer, (persons, answers), by the name of the question."""


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


def _arms_apart(look: Look) -> float:
    """Returns how well neighbouring arms are resolved at two scale lengths and seen, 0 to 1."""
    truth = look.truth
    if not truth.arm_fraction:
        return 0.0
    radius = 2 * truth.scale_length * np.sqrt(truth.axis_ratio)
    apart = 2 * np.pi * radius * np.tan(np.radians(truth.pitch_angle)) / truth.arm_number
    resolved = float(scipy.special.expit((np.log(apart / _FWHM) - np.log(1.1)) / 0.25))
    return look.clarity * resolved
