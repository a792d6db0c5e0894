"""Luminosities, distances and sizes of galaxies between two apparent magnitudes."""

from __future__ import annotations

import functools

import numpy as np

__all__ = ["BRIGHT", "FAINT", "draw_appearance"]

BRIGHT, FAINT = 13.5, 17.77
"""Limits in r of the galaxies of Galaxy Zoo, AB mag."""

_SPEED_OF_LIGHT, _HUBBLE = 299792.458, 70.0
_SIZES = (1.5, 9.0)
_MAX_REDSHIFT = 0.15

# Of samples with other limits: galaxies far below the seeing have no visible type.
_FAINT_SIZES = (0.5, 9.0)
_FAINT_MAX_REDSHIFT = 1.0

_ARCSEC = 206264.8  # per radian


def draw_appearance(
    rng: np.random.Generator, *, early: bool, bright: float = BRIGHT, faint: float = FAINT
) -> dict[str, float]:
    """Draws luminosity, distance and size of a galaxy.

    With the limits of Galaxy Zoo as `tfds_builders.galaxy_zoo_decals.truth` has it; with others
    redshift and magnitude are those of a flux-limited sample in an expanding universe, with mean
    k-corrections and evolution (`tfds_builders.simulation.redshifts`), and 0.5 < R < 9 arcsec.

    Args:
        rng: Source of the draws.
        early: Whether the size follows the relation of early types, else that of late ones.
        bright: Lower limit in r, mag. Default 13.5.
        faint: Upper limit in r, mag. Default 17.77.

    Returns:
        "redshift", "absolute_magnitude" and "magnitude" in r, "radius" in arcsec.
    """
    if (bright, faint) == (BRIGHT, FAINT):
        return _draw_nearby(rng, early)
    # Astropy's cosmology, which takes a second to import.
    from tfds_builders.simulation.redshifts import COSMOLOGY, flux_limited_sample

    sample = flux_limited_sample(bright, faint, _FAINT_MAX_REDSHIFT)
    while True:
        redshift, magnitude = (float(each[0]) for each in sample.draw(*rng.random((2, 1))))
        absolute = float(sample.absolute_magnitude(redshift, magnitude))
        distance = float(COSMOLOGY.angular_diameter_distance(redshift).value)
        radius = _draw_kpc(rng, absolute, early) / (1e3 * distance) * _ARCSEC
        if _FAINT_SIZES[0] < radius < _FAINT_SIZES[1]:
            return {
                "redshift": redshift,
                "absolute_magnitude": absolute,
                "magnitude": magnitude,
                "radius": radius,
            }


def _draw_nearby(rng: np.random.Generator, early: bool) -> dict[str, float]:
    luminosities, cumulative = _seen_luminosities()
    while True:
        absolute = float(np.interp(rng.uniform(), cumulative, luminosities))
        farthest = 10 ** (0.2 * (FAINT - absolute - 25))
        # Mpc; the luminosity distance, and from it the angular one.
        distance = farthest * rng.uniform() ** (1 / 3)
        redshift = _HUBBLE * distance / _SPEED_OF_LIGHT
        redshift *= 1 - 0.5 * (1 + 0.55) * redshift
        magnitude = absolute + 5 * np.log10(distance) + 25
        kpc = _draw_kpc(rng, absolute, early)
        radius = kpc / (1e3 * distance / (1 + redshift) ** 2) * _ARCSEC
        if magnitude > BRIGHT and redshift < _MAX_REDSHIFT and _SIZES[0] < radius < _SIZES[1]:
            return {
                "redshift": float(redshift),
                "absolute_magnitude": absolute,
                "magnitude": float(magnitude),
                "radius": float(radius),
            }


def _draw_kpc(rng: np.random.Generator, absolute: float, early: bool) -> float:
    """Draws the half-light radius of a galaxy (Shen et al. 2003)."""
    scatter = 0.25 + (0.48 - 0.25) / (1 + 10 ** (-0.8 * (absolute + 20.52)))
    if early:
        median = 10 ** (-0.4 * 0.60 * absolute - 4.63)
    else:
        bend = (0.53 - 0.21) * np.log10(1 + 10 ** (-0.4 * (absolute + 20.52)))
        median = 10 ** (-0.4 * 0.21 * absolute + bend - 1.31)
    return float(median * np.exp(scatter * rng.normal()))


@functools.cache
def _seen_luminosities() -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(-23.0, -18.0, 500)
    ratio = 10 ** (-0.4 * (grid - (-20.44 + 5 * np.log10(0.7))))
    density = ratio ** (-1.05 + 1) * np.exp(-ratio) * 10 ** (-0.6 * grid)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return grid, cumulative / cumulative[-1]
