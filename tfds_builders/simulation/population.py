"""Stars and galaxies of a patch of sky."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.simulation.colours import galaxy_colours, star_colours

__all__ = [
    "CLASSES",
    "Object",
    "class_fractions",
    "draw_object",
    "draw_star_colour",
    "surface_density",
]

CLASSES = ("star", "galaxy")

# log10 N(r) = intercept + slope * (r - 20), N per square degree and magnitude. Galaxies as Yasuda
# et al. 2001 (AJ 122, 1104) and, fainter than their limit, with the slope of 0.4 of deeper counts;
# stars as at galactic latitudes of 30 to 40 degrees.
_COUNTS = {"star": (3.40, 0.16), "galaxy": (3.30, 0.40)}

# Scatter of stars about the median locus, mag; metallicity widens it in u.
_LOCUS_SCATTER = np.array([0.10, 0.03, 0.0, 0.02, 0.03])
_GALAXY_SCATTER = np.array([0.15, 0.05, 0.0, 0.04, 0.06])

# Spectral types of galaxies (E, Sbc, Scd, Im), their Sersic indices, and their sizes relative to
# the median at the same magnitude.
_SERSIC_INDEX = (4.0, 2.0, 1.0, 0.5)
_RELATIVE_SIZE = (0.80, 1.00, 1.12, 1.05)


@dataclasses.dataclass(frozen=True)
class Object:
    """One star or galaxy above the atmosphere.

    Attributes:
        label: 0 for a star, 1 for a galaxy, as in `CLASSES`.
        magnitude: (5,), total AB magnitudes in u g r i z.
        half_light_radius: Circularised (sqrt(a b)), arcsec; 0 for a star.
        sersic_index: 0 for a star.
        ellipticity: 1 - b/a.
        position_angle: Radians.
        redshift: 0 for a star.
    """

    label: int
    magnitude: np.ndarray
    half_light_radius: float = 0.0
    sersic_index: float = 0.0
    ellipticity: float = 0.0
    position_angle: float = 0.0
    redshift: float = 0.0


def surface_density(name: str, bright: float, faint: float) -> float:
    """Returns the number per square degree between two r magnitudes.

    Args:
        name: "star" or "galaxy".
        bright: Lower limit in r, mag.
        faint: Upper limit in r, mag.
    """
    intercept, slope = _COUNTS[name]
    scale = slope * np.log(10)
    low, high = (np.exp(scale * (limit - 20)) for limit in (bright, faint))
    return float(10**intercept * (high - low) / scale)


def class_fractions(bright: float, faint: float) -> tuple[float, float]:
    """Returns the shares of stars and galaxies between two r magnitudes."""
    stars, galaxies = (surface_density(name, bright, faint) for name in CLASSES)
    return stars / (stars + galaxies), galaxies / (stars + galaxies)


def draw_object(rng: np.random.Generator, bright: float, faint: float) -> Object:
    """Draws one object between two r magnitudes, a star or a galaxy as the counts have it."""
    label = int(rng.uniform() >= class_fractions(bright, faint)[0])
    r = _draw_magnitude(rng, CLASSES[label], bright, faint)
    return _draw_galaxy(rng, r) if label else _draw_star(rng, r)


def _draw_magnitude(rng: np.random.Generator, name: str, bright: float, faint: float) -> float:
    scale = _COUNTS[name][1] * np.log(10)
    low, high = np.exp(scale * bright), np.exp(scale * faint)
    return float(np.log(rng.uniform(low, high)) / scale)


def draw_star_colour(rng: np.random.Generator, r: float) -> float:
    """Draws the colour g-i, mag, of a star of an r magnitude.

    Turn-off stars of the halo and the thick disc, K dwarfs between, M dwarfs of the disc; the
    fainter, the more M dwarfs.

    References:
        Juric et al. 2008, ApJ 673, 864, section 2.
    """
    depth = float(np.clip((r - 17) / 5, 0, 1))
    mode = rng.choice(3, p=(0.50 - 0.20 * depth, 0.25 - 0.17 * depth, 0.25 + 0.37 * depth))
    g_i = (rng.normal(0.65, 0.20), rng.uniform(0.9, 2.0), rng.normal(2.45, 0.30))[mode]
    return float(np.clip(g_i, 0.25, 3.3))


def _draw_star(rng: np.random.Generator, r: float) -> Object:
    colours = star_colours(draw_star_colour(rng, r)) + rng.normal(size=5) * _LOCUS_SCATTER
    return Object(label=0, magnitude=r + colours)


def _draw_galaxy(rng: np.random.Generator, r: float) -> Object:
    # Medians fitted to the COSMOS F814W sample (Leauthaud+07, Mandelbaum+12), with r - I = 0.6.
    median_redshift = max(0.05, 0.36 + 0.10 * (r - 20.2))
    # N(z) ~ z^2 exp(-(z/z0)^1.5) (Baugh & Efstathiou 1993, MNRAS 265, 145): (z/z0)^1.5 has a gamma
    # distribution; the median is 1.41 z0.
    redshift = float(np.clip(median_redshift / 1.41 * rng.gamma(2.0) ** (1 / 1.5), 0.005, 1.5))
    early = float(np.clip(0.50 - 0.07 * (r - 19.5), 0.20, 0.55))
    late = (1 - early) * np.array([0.35, 0.40, 0.25])
    kind = int(rng.choice(4, p=(early, *late)))
    spectral_type = float(np.clip(kind + rng.normal(0, 0.25), 0, 3))
    median_size = 0.56 * 10 ** (-0.105 * (r - 21)) * _RELATIVE_SIZE[kind]
    size = float(np.clip(median_size * np.exp(0.48 * rng.normal()), 0.08, 6.0))
    axis_ratio = float(np.clip(rng.beta(4.0, 2.4), 0.15, 1.0))
    colours = galaxy_colours(spectral_type, redshift) + rng.normal(size=5) * _GALAXY_SCATTER
    return Object(
        label=1,
        magnitude=r + colours,
        half_light_radius=size,
        sersic_index=_SERSIC_INDEX[kind],
        ellipticity=1 - axis_ratio,
        position_angle=float(rng.uniform(0, np.pi)),
        redshift=redshift,
    )
