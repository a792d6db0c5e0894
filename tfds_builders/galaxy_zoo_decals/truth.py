"""Ground truth of simulated galaxies: answers to the questions of GZD-5, and their parameters.

Absolute magnitudes follow the luminosity function as a survey with a magnitude limit sees it,
places are uniform in the volume of each, sizes follow the relation of early or of late types:

    M       density proportional to phi(M) 10^(-0.6 M), -23 < M < -18
    d       (d / d_max(M))^3 uniform, r < 17.77 at d_max
    ln R    normal about Shen's median; early types for smooth galaxies, else late types

Redrawn until r > 13.5, z < 0.15 and 1.5 < R < 9 arcsec. How often each answer is true is ours: what
is rare in the sky is more frequent here, so that a few thousand galaxies have all classes.

References:
    Blanton et al. 2003 (ApJ 592, 819): Schechter function in r, M* = -20.44 + 5 log10 h,
    alpha = -1.05; h = 0.7. Shen et al. 2003 (MNRAS 343, 978), equations 14 to 16: sizes. Walmsley
    et al. 2022 (MNRAS 509, 3966), section 2: r < 17.77, and redshifts. Hart et al. 2017 (MNRAS 472,
    2263): pitch angles of 10 to 35 degrees, larger where volunteers see looser arms. No
    k-corrections, no evolution.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import scipy.special

from tfds_builders.galaxy_zoo_decals.labels import GZD5

__all__ = ["ARTEFACTS", "Truth", "draw_truth"]

# What an artifact is: a bright star, the trail of a satellite, light scattered into the camera,
# an empty place.
ARTEFACTS = ("star", "trail", "glare", "blank")

_SPEED_OF_LIGHT, _HUBBLE = 299792.458, 70.0
_LIMITS = (13.5, 17.77)
_SIZES = (1.5, 9.0)
_MAX_REDSHIFT = 0.15

# Shares of the answers, where they are not even.
_ROOT = (("smooth", 0.34), ("featured-or-disk", 0.62), ("artifact", 0.04))
_ROUNDED = (("round", 0.34), ("in-between", 0.38), ("cigar-shaped", 0.28))
_EDGE_ON_BULGE = (("boxy", 0.28), ("none", 0.34), ("rounded", 0.38))
_BAR = (("strong", 0.27), ("weak", 0.25), ("no", 0.48))
_BULGE_SIZE = (
    ("dominant", 0.14),
    ("large", 0.20),
    ("moderate", 0.28),
    ("small", 0.24),
    ("none", 0.14),
)
_ARM_COUNT = (("1", 0.12), ("2", 0.30), ("3", 0.20), ("4", 0.18), ("more-than-4", 0.20))
_MERGING = (
    ("none", 0.80),
    ("minor-disturbance", 0.05),
    ("major-disturbance", 0.04),
    ("merger", 0.11),
)
_EDGE_ON_SHARE, _SPIRAL_SHARE = 0.30, 0.72
_RING_SHARE = {"yes": 0.06, "no": 0.35}

# Ranges from which the numbers are drawn, uniformly: axis ratios, bulge to total, pitch angles in
# degrees, bars' length in disk scale lengths, their axis ratio and their share of the light.
_AXIS_RATIO = {"round": (0.86, 1.0), "in-between": (0.50, 0.78), "cigar-shaped": (0.20, 0.36)}
_BULGE_FRACTION = {
    "none": (0.0, 0.01),
    "small": (0.03, 0.10),
    "moderate": (0.15, 0.27),
    "large": (0.34, 0.48),
    "dominant": (0.58, 0.78),
}
_EDGE_ON_FRACTION = {"boxy": (0.22, 0.40), "none": (0.0, 0.02), "rounded": (0.15, 0.45)}
_PITCH = {"tight": (8.0, 13.0), "medium": (16.0, 22.0), "loose": (27.0, 38.0)}
_BAR_LENGTH = {"strong": (1.2, 1.9), "weak": (0.7, 1.1), "no": (0.0, 0.0)}
_BAR_RATIO = {"strong": (0.20, 0.32), "weak": (0.35, 0.50), "no": (1.0, 1.0)}
_BAR_FRACTION = {"strong": (0.18, 0.32), "weak": (0.07, 0.12), "no": (0.0, 0.0)}


@dataclasses.dataclass(frozen=True)
class Truth:
    """One simulated galaxy, or what was taken for one.

    Attributes:
        answers: True answer of each question that applies.
        artefact: One of `ARTEFACTS`; empty for a galaxy.
        redshift: From the distance by Hubble's law with q0 = -0.55.
        absolute_magnitude: In r.
        magnitude: In r, AB, total.
        radius: Half-light radius along the major axis, arcsec.
        axis_ratio: Apparent, of the disk or of the smooth galaxy.
        position_angle: Of the major axis, radians from x towards y.
        sersic_index: Of a smooth galaxy, or of the bulge.
        bulge_fraction: Share of the light in the bulge; 1 for a smooth galaxy.
        bulge_radius: Its half-light radius, in scale lengths of the disk.
        bar_length: Half length, in scale lengths of the disk; 0 without a bar.
        bar_ratio: Axis ratio of the bar.
        bar_fraction: Share of the light in the bar.
        arm_number: 0 without spiral arms; 5 for "more-than-4".
        pitch_angle: Degrees, 0 without arms.
        arm_fraction: Share of the disk's light in the arms.
        ring: Whether the disk has a ring.
    """

    answers: dict[str, str]
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
    bar_length: float = 0.0
    bar_ratio: float = 1.0
    bar_fraction: float = 0.0
    arm_number: int = 0
    pitch_angle: float = 0.0
    arm_fraction: float = 0.0
    ring: bool = False

    @property
    def smooth(self) -> bool:
        """True if no disk is visible."""
        return "how-rounded" in self.answers

    @property
    def edge_on(self) -> bool:
        """True if the disk is seen edge-on."""
        return self.answers.get("disk-edge-on") == "yes"

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


def draw_truth(rng: np.random.Generator) -> Truth:
    """Draws one galaxy."""
    root = _choose(rng, _ROOT)
    answers = {"smooth-or-featured": root}
    if root == "artifact":
        artefact = ARTEFACTS[int(rng.integers(len(ARTEFACTS)))]
        return Truth(
            answers, artefact, **_outside(rng, early=False), **_ellipse(rng, 0.5), **_SMOOTH
        )
    answers["merging"] = _choose(rng, _MERGING)
    if root == "smooth":
        rounded = _choose(rng, _ROUNDED)
        answers["how-rounded"] = rounded
        indices = (1.0, 1.5, 2.0) if rounded == "cigar-shaped" else (2.0, 2.5, 3.0, 4.0)
        return Truth(
            answers,
            "",
            **_outside(rng, early=True),
            **_ellipse(rng, rng.uniform(*_AXIS_RATIO[rounded])),
            **_SMOOTH | {"sersic_index": float(rng.choice(indices))},
        )
    outside = _outside(rng, early=False)
    if rng.uniform() < _EDGE_ON_SHARE:
        bulge = _choose(rng, _EDGE_ON_BULGE)
        answers |= {"disk-edge-on": "yes", "edge-on-bulge": bulge}
        return Truth(
            answers,
            "",
            **outside,
            # Thickness to scale length, as seen.
            **_ellipse(rng, rng.uniform(0.10, 0.20)),
            sersic_index=1.0 if bulge == "boxy" else 2.0,
            bulge_fraction=float(rng.uniform(*_EDGE_ON_FRACTION[bulge])),
            bulge_radius=float(rng.uniform(0.35, 0.55)),
        )
    return Truth(answers, "", **outside, **_face_on(rng, answers))


_SMOOTH = {"sersic_index": 1.0, "bulge_fraction": 1.0}


def _face_on(rng: np.random.Generator, answers: dict[str, str]) -> dict[str, object]:
    bar, size = _choose(rng, _BAR), _choose(rng, _BULGE_SIZE)
    arms = "yes" if rng.uniform() < _SPIRAL_SHARE else "no"
    answers |= {"disk-edge-on": "no", "has-spiral-arms": arms, "bar": bar, "bulge-size": size}
    bulge = float(rng.uniform(*_BULGE_FRACTION[size]))
    numbers: dict[str, object] = {
        # Inclinations of a random orientation below 60 degrees.
        **_ellipse(rng, rng.uniform(0.5, 1.0)),
        "sersic_index": 1.0 if bulge < 0.12 else float(rng.choice((1.5, 2.0, 2.5))),
        "bulge_fraction": bulge,
        # Larger bulges are larger (Graham & Worley 2008, MNRAS 388, 1708, for the range).
        "bulge_radius": float(0.18 + 0.55 * bulge),
        "bar_length": float(rng.uniform(*_BAR_LENGTH[bar])),
        "bar_ratio": float(rng.uniform(*_BAR_RATIO[bar])),
        "bar_fraction": float(rng.uniform(*_BAR_FRACTION[bar])) * (1 - 0.7 * bulge),
        "ring": bool(rng.uniform() < _RING_SHARE[arms]),
    }
    if arms == "yes":
        winding, count = _choose(rng, tuple((w, 1 / 3) for w in _PITCH)), _choose(rng, _ARM_COUNT)
        answers |= {"spiral-winding": winding, "spiral-arm-count": count}
        numbers["arm_number"] = 5 if count == "more-than-4" else int(count)
        numbers["pitch_angle"] = float(rng.uniform(*_PITCH[winding]))
        numbers["arm_fraction"] = float(rng.uniform(0.35, 0.60))
    return numbers


def _ellipse(rng: np.random.Generator, axis_ratio: float) -> dict[str, float]:
    return {"axis_ratio": float(axis_ratio), "position_angle": float(rng.uniform(0, np.pi))}


def _outside(rng: np.random.Generator, *, early: bool) -> dict[str, float]:
    """Draws luminosity, distance and size."""
    luminosities, cumulative = _seen_luminosities()
    while True:
        absolute = float(np.interp(rng.uniform(), cumulative, luminosities))
        farthest = 10 ** (0.2 * (_LIMITS[1] - absolute - 25))
        # Mpc; the luminosity distance, and from it the angular one.
        distance = farthest * rng.uniform() ** (1 / 3)
        redshift = _HUBBLE * distance / _SPEED_OF_LIGHT
        redshift *= 1 - 0.5 * (1 + 0.55) * redshift
        magnitude = absolute + 5 * np.log10(distance) + 25
        median, scatter = _size(absolute, early)
        kpc = median * np.exp(scatter * rng.normal())
        radius = kpc / (1e3 * distance / (1 + redshift) ** 2) * 206264.8
        if magnitude > _LIMITS[0] and redshift < _MAX_REDSHIFT and _SIZES[0] < radius < _SIZES[1]:
            return {
                "redshift": float(redshift),
                "absolute_magnitude": absolute,
                "magnitude": float(magnitude),
                "radius": float(radius),
            }


def _size(absolute: float, early: bool) -> tuple[float, float]:
    """Returns the median half-light radius (kpc) and the scatter of its ln (Shen et al. 2003)."""
    scatter = 0.25 + (0.48 - 0.25) / (1 + 10 ** (-0.8 * (absolute + 20.52)))
    if early:
        return 10 ** (-0.4 * 0.60 * absolute - 4.63), scatter
    bend = (0.53 - 0.21) * np.log10(1 + 10 ** (-0.4 * (absolute + 20.52)))
    return 10 ** (-0.4 * 0.21 * absolute + bend - 1.31), scatter


@functools.cache
def _seen_luminosities() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(-23.0, -18.0, 500)
    ratio = 10 ** (-0.4 * (grid - (-20.44 + 5 * np.log10(0.7))))
    density = ratio ** (-1.05 + 1) * np.exp(-ratio) * 10 ** (-0.6 * grid)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return grid, cumulative / cumulative[-1]


def _choose(rng: np.random.Generator, shares: tuple[tuple[str, float], ...]) -> str:
    names, weights = zip(*shares, strict=True)
    return str(names[rng.choice(len(names), p=np.array(weights) / sum(weights))])
