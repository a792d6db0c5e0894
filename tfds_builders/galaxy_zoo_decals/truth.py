"""Ground truth of simulated galaxies: continuous parameters, and the answers that follow from them.

Absolute magnitudes follow the luminosity function as a survey with a magnitude limit sees it,
places are uniform in the volume of each, sizes follow the relation of early or of late types:

    M       density proportional to phi(M) 10^(-0.6 M), -23 < M < -18
    d       (d / d_max(M))^3 uniform, r < 17.77 at d_max
    ln R    normal about Shen's median; early types for spheroids, else late types

Redrawn until r > 13.5, z < 0.15 and 1.5 < R < 9 arcsec; for other limits in r, of fainter galaxies,
see `population.draw_appearance`. Orientations are isotropic, but for a fifth of the disks, which
are seen nearly from the side. Every other parameter has one continuous distribution, without gaps
between the classes of the decision tree; what is rare in the sky is more frequent here, so that a
few thousand galaxies have all classes.

References:
    Blanton et al. 2003 (ApJ 592, 819): Schechter function in r, M* = -20.44 + 5 log10 h,
    alpha = -1.05; h = 0.7. Shen et al. 2003 (MNRAS 343, 978), equations 14 to 16: sizes. Walmsley
    et al. 2022 (MNRAS 509, 3966), section 2: r < 17.77, and redshifts. Hart et al. 2017 (MNRAS 472,
    2263): median and scatter of pitch angles. Savchenko & Reshetnikov 2013 (MNRAS 436, 1074): pitch
    angles change along an arm. No k-corrections, no evolution.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.special

from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.population import BRIGHT, FAINT, draw_appearance

__all__ = ["ARTEFACTS", "LIMITS", "Truth", "draw_truth"]

# What an artifact is: a bright star, the trail of a satellite, light scattered into the camera,
# an empty place.
ARTEFACTS = ("star", "trail", "glare", "blank")

LIMITS = {
    "how-rounded": (0.42, 0.82),
    "disk-edge-on": (0.27,),
    "has-spiral-arms": (0.12,),
    "bar": (0.12, 0.45),
    "bulge-size": (0.03, 0.12, 0.30, 0.52),
    "edge-on-bulge": (0.06,),
    "spiral-winding": (14.5, 24.5),
    "merging": (0.18, 0.45),
}
"""Where one answer passes into the next: apparent axis ratio (round, edge-on), share of the disk's
light in arms, strength of the bar, share of all light in the bulge (size; edge-on, none at all),
pitch angle in degrees, strength of the disturbance."""

_KINDS = (("spheroid", 0.34), ("disk", 0.57), ("irregular", 0.05), ("artefact", 0.04))
# Spheroids that are in truth disks without structure, which are flatter.
_LENTICULAR_SHARE = 0.35
_ARM_SHARE, _RING_SHARE, _DISTURBED_SHARE, _COMPANION_SHARE = 0.72, 0.15, 0.25, 0.55
_ARM_NUMBER = (("1", 0.10), ("2", 0.38), ("3", 0.18), ("4", 0.14), ("5", 0.10), ("6", 0.10))
# Disks whose inclination is drawn from the last 15 degrees alone.
_EDGE_ON_SHARE, _EDGE_ON_COSINE = 0.2, 0.25
# Cosine of the inclination below which a disk is drawn from the side.
_FROM_THE_SIDE = 0.18
# Companions that touch the galaxy, in radii, and shares of the light that count as a merger.
_MERGER = (0.12, 2.8)
# Patches and no arms can be counted above this flocculence.
_PATCHES = 0.65
_INDEX_STEP = 0.05


@dataclasses.dataclass(frozen=True)
class Truth:
    """One simulated galaxy, or what was taken for one.

    Attributes:
        kind: "spheroid", "disk", "irregular" or "artefact".
        artefact: One of `ARTEFACTS`; empty for a galaxy.
        redshift: From the distance by Hubble's law with q0 = -0.55.
        absolute_magnitude: In r.
        magnitude: In r, AB, total.
        radius: Half-light radius along the major axis, arcsec.
        axis_ratio: Apparent, of the disk or of the spheroid.
        position_angle: Of the major axis, radians from x towards y.
        sersic_index: Of a spheroid, or of the bulge.
        bulge_fraction: Share of the light in the bulge; 1 for a spheroid.
        bulge_radius: Its half-light radius, in scale lengths of the disk.
        boxiness: Of a bulge seen from the side: 0 for ellipses, 1 for boxes.
        bar_strength: 0 to 1, from which length, shape and light of the bar follow.
        arm_number: 1 to 6; 0 without arms.
        arm_fraction: Share of the disk's light in the arms.
        pitch_angle: At two scale lengths, degrees; 0 without arms.
        pitch_slope: Change of the pitch angle, degrees per scale length.
        flocculence: Share of the arms' light in patches rather than in whole arms.
        ring_fraction: Share of the disk's light in a ring; 0 for none.
        dust: Depth of dust lanes, 0 to 1.
        warp: Displacement of a disk seen from the side at four scale lengths, in scale lengths.
        disturbance: Strength of tails and lopsidedness, 0 to 1.
        companion: Share of the light in a companion; 0 for none.
        companion_distance: In radii.
    """

    kind: str
    artefact: str
    redshift: float
    absolute_magnitude: float
    magnitude: float
    radius: float
    axis_ratio: float
    position_angle: float
    sersic_index: float
    bulge_fraction: float
    bulge_radius: float = 0.3
    boxiness: float = 0.0
    bar_strength: float = 0.0
    arm_number: int = 0
    arm_fraction: float = 0.0
    pitch_angle: float = 0.0
    pitch_slope: float = 0.0
    flocculence: float = 0.0
    ring_fraction: float = 0.0
    dust: float = 0.0
    warp: float = 0.0
    disturbance: float = 0.0
    companion: float = 0.0
    companion_distance: float = 0.0

    @property
    def smooth(self) -> bool:
        """True if it has no disk."""
        return self.kind == "spheroid"

    @property
    def from_the_side(self) -> bool:
        """True for a disk so inclined that it is drawn from the side."""
        return self.kind == "disk" and self.axis_ratio < np.hypot(0.16, _FROM_THE_SIDE)

    @property
    def bar_length(self) -> float:
        """Half length of the bar, in scale lengths of the disk."""
        return 0.4 + 1.5 * self.bar_strength if self.bar_strength else 0.0

    @property
    def bar_ratio(self) -> float:
        """Axis ratio of the bar in the plane of the disk."""
        return 0.55 - 0.33 * self.bar_strength

    @property
    def bar_fraction(self) -> float:
        """Share of the light in the bar."""
        return 0.32 * self.bar_strength * (1 - 0.7 * self.bulge_fraction)

    @property
    def merger(self) -> bool:
        """True if a companion of some weight touches the galaxy."""
        share, distance = _MERGER
        return self.companion > share and self.companion_distance < distance

    @functools.cached_property
    def answers(self) -> dict[str, str]:
        """Answers by `LIMITS` of the questions that apply."""
        if self.artefact:
            return {"smooth-or-featured": "artifact"}
        merging = _between("merging", self.disturbance, "none minor-disturbance major-disturbance")
        answers = {
            "smooth-or-featured": "smooth" if self.smooth else "featured-or-disk",
            "merging": "merger" if self.merger else merging,
        }
        if self.smooth:
            shape = _between("how-rounded", self.axis_ratio, "cigar-shaped in-between round")
            return answers | {"how-rounded": shape}
        edge_on = _between("disk-edge-on", self.axis_ratio, "yes no")
        answers["disk-edge-on"] = edge_on
        bulge = self.bulge_fraction
        if edge_on == "yes":
            shape = "boxy" if self.boxiness > 0.5 else "rounded"
            return answers | {"edge-on-bulge": _between("edge-on-bulge", bulge, f"none {shape}")}
        arms = _between("has-spiral-arms", self.arm_fraction, "no yes")
        answers |= {
            "has-spiral-arms": arms,
            "bar": _between("bar", self.bar_strength, "no weak strong"),
            "bulge-size": _between("bulge-size", bulge, "none small moderate large dominant"),
        }
        if arms == "yes":
            count = str(self.arm_number) if self.arm_number < 5 else "more-than-4"
            answers["spiral-winding"] = _between(
                "spiral-winding", self.pitch_angle, "tight medium loose"
            )
            answers["spiral-arm-count"] = "cant-tell" if self.flocculence > _PATCHES else count
        return answers

    @functools.cached_property
    def scale_length(self) -> float:
        """Scale length of the disk, arcsec, such that half of all light lies within the radius."""
        if self.smooth or self.artefact:
            return self.radius / 1.678
        return self.radius / float(self._radius_of(0.5))

    @functools.cached_property
    def petrosian(self) -> tuple[float, float]:
        """Radii of 50 % and 90 % of the light along the major axis, arcsec.

        Of the face-on profile without structure and PSF. Their ratio is limited to 3.3, as a
        Petrosian aperture loses the far wings of a high Sersic index.
        """
        if self.smooth or self.artefact:
            half = 2 * self.sersic_index
            ratio = scipy.special.gammaincinv(half, [0.5, 0.9]) ** self.sersic_index
            ratio = ratio[1] / ratio[0]
        else:
            ratio = float(self._radius_of(0.9) / self._radius_of(0.5))
        return self.radius, self.radius * min(ratio, 3.3)

    @property
    def unanimous_votes(self) -> np.ndarray:
        """One vote for the true answer of each question that applies, (34,) int32."""
        votes = np.zeros(len(GZD5.answers), np.int32)
        for question, answer in self.answers.items():
            votes[GZD5.place(f"{question}_{answer}")] = 1
        return votes

    @property
    def indices(self) -> np.ndarray:
        """Index of the true answer of each question, -1 where it does not apply, (10,) int32."""
        return np.array(
            [
                each.answers.index(self.answers[each.name]) if each.name in self.answers else -1
                for each in GZD5.questions
            ],
            np.int32,
        )

    def _radius_of(self, share: float) -> np.ndarray:
        """Returns the radius of a share of the light in scale lengths of the disk."""
        radii = np.geomspace(1e-3, 30, 400)
        two_n = 2 * self.sersic_index
        bulge_scale = scipy.special.gammaincinv(two_n, 0.5) ** self.sersic_index / self.bulge_radius
        bulge = scipy.special.gammainc(two_n, (radii * bulge_scale) ** (1 / self.sersic_index))
        disk = scipy.special.gammainc(2, radii)
        within = self.bulge_fraction * bulge + (1 - self.bulge_fraction) * disk
        return np.interp(share, within / within[-1], radii)


def draw_truth(rng: np.random.Generator, bright: float = BRIGHT, faint: float = FAINT) -> Truth:
    """Draws one galaxy.

    Args:
        rng: Source of the draws.
        bright: Lower limit in r, mag. Default 13.5.
        faint: Upper limit in r, mag. Default 17.77.
    """
    kind = _choose(rng, _KINDS)
    numbers = draw_appearance(rng, early=kind == "spheroid", bright=bright, faint=faint)
    numbers["position_angle"] = float(rng.uniform(0, np.pi))
    if kind == "artefact":
        numbers |= {"axis_ratio": 0.5, "sersic_index": 1.0, "bulge_fraction": 1.0}
        return Truth(kind, ARTEFACTS[int(rng.integers(len(ARTEFACTS)))], **numbers)
    draw = {"spheroid": _spheroid, "disk": _disk, "irregular": _irregular}[kind]
    return Truth(kind, "", **numbers, **draw(rng), **_surroundings(rng))


def _spheroid(rng: np.random.Generator) -> dict[str, float]:
    lenticular = rng.uniform() < _LENTICULAR_SHARE
    thickness, median = (0.25, 1.6) if lenticular else (0.65, 3.0)
    thickness = float(np.clip(rng.normal(thickness, 0.05 if lenticular else 0.18), 0.15, 1.0))
    return {
        "axis_ratio": _apparent(rng, thickness),
        "sersic_index": _index(median * np.exp(0.3 * rng.normal()), 1.0, 5.0),
        "bulge_fraction": 1.0,
    }


def _disk(rng: np.random.Generator) -> dict[str, float]:
    bulge = float(0.85 * rng.beta(0.8, 2.0))
    thickness = float(np.clip(rng.normal(0.16, 0.03), 0.10, 0.25))
    steepest = _EDGE_ON_COSINE if rng.uniform() < _EDGE_ON_SHARE else 1.0
    numbers = {
        "axis_ratio": _apparent(rng, thickness, steepest),
        "bulge_fraction": bulge,
        # Larger bulges are larger and steeper (Graham & Worley 2008, MNRAS 388, 1708, for the
        # ranges).
        "bulge_radius": float((0.18 + 0.55 * bulge) * np.exp(0.15 * rng.normal())),
        "sersic_index": _index(1 + 2.5 * np.sqrt(bulge) + 0.4 * rng.normal(), 0.8, 4.0),
        "boxiness": float(rng.beta(1.0, 1.3)),
        "bar_strength": float(rng.beta(0.45, 1.0)),
        "ring_fraction": float(rng.uniform(0.05, 0.3)) if rng.uniform() < _RING_SHARE else 0.0,
        "dust": float(rng.beta(0.8, 1.2)),
        "warp": float(0.12 * rng.normal()),
    }
    strong = rng.uniform() < _ARM_SHARE
    numbers["arm_fraction"] = float(0.7 * rng.beta(2.5, 2.0) if strong else 0.3 * rng.beta(0.5, 4))
    numbers["arm_number"] = int(_choose(rng, _ARM_NUMBER))
    numbers["pitch_angle"] = float(np.clip(18 * np.exp(0.45 * rng.normal()), 5, 45))
    numbers["pitch_slope"] = float(0.12 * numbers["pitch_angle"] * rng.normal())
    numbers["flocculence"] = float(rng.beta(0.6, 2.0))
    return numbers


def _irregular(rng: np.random.Generator) -> dict[str, float]:
    return {
        "axis_ratio": float(rng.uniform(0.4, 1.0)),
        "sersic_index": 1.0,
        "bulge_fraction": 0.0,
    }


def _surroundings(rng: np.random.Generator) -> dict[str, float]:
    if rng.uniform() >= _DISTURBED_SHARE:
        return {"disturbance": float(min(abs(0.04 * rng.normal()), 0.17))}
    numbers = {"disturbance": float(rng.beta(1.2, 1.4))}
    if rng.uniform() < _COMPANION_SHARE:
        numbers["companion"] = float(rng.uniform(0.04, 0.48))
        numbers["companion_distance"] = float(rng.uniform(0.9, 3.6))
    return numbers


def _apparent(rng: np.random.Generator, thickness: float, largest_cosine: float = 1.0) -> float:
    """Returns the apparent axis ratio of an oblate spheroid under a random inclination."""
    cosine = rng.uniform(0, largest_cosine)
    return float(np.sqrt(thickness**2 * (1 - cosine**2) + cosine**2))


def _index(value: float, lowest: float, highest: float) -> float:
    """Returns a Sersic index on a grid, as each new one costs a table."""
    return round(float(np.clip(value, lowest, highest)) / _INDEX_STEP) * _INDEX_STEP


def _between(question: str, value: float, answers: str) -> str:
    return answers.split()[int(np.searchsorted(LIMITS[question], value))]


def _choose(rng: np.random.Generator, shares: tuple[tuple[str, float], ...]) -> str:
    names, weights = zip(*shares, strict=True)
    return str(names[rng.choice(len(names), p=np.array(weights) / sum(weights))])
