"""The numerical Hubble type (T-Type) of a simulated galaxy, from its structure."""

from __future__ import annotations

import numpy as np

from tfds_builders.galaxy_zoo_decals.truth import Truth

__all__ = ["bulge_of_type", "hubble_type", "type_of_bulge"]

_TYPES = np.linspace(-5.0, 10.0, 3001)
# Degrees: winding is neither tight nor loose, and how much more or less is one type.
_PITCH, _PITCH_OF_A_TYPE = 19.0, 12.0


def bulge_of_type(types: np.ndarray) -> np.ndarray:
    """Returns the mean share of the light in the bulge of galaxies of a type.

        B/T = 10^(-0.4 D),    D = 0.324 (T + 5) - 0.054 (T + 5)^2 + 0.0047 (T + 5)^3

    Args:
        types: Any shape, T between -5 (elliptical) and 10 (irregular).

    References:
        Simien & de Vaucouleurs 1986 (ApJ 302, 564), equation 4, of the blue light.
    """
    step = np.asarray(types) + 5.0
    return 10 ** (-0.4 * (0.324 * step - 0.054 * step**2 + 0.0047 * step**3))


def type_of_bulge(fractions: np.ndarray) -> np.ndarray:
    """Returns the type to which a share of the light in the bulge belongs on average.

    Args:
        fractions: Any shape, 0 to 1. What lies below the relation at T = 10 has that type.
    """
    return np.interp(-np.asarray(fractions), -bulge_of_type(_TYPES), _TYPES)


def hubble_type(truth: Truth) -> float:
    """Returns the type of a galaxy.

        smooth         T = -3 - 2 ln n / ln 4, not below -5
        disk           T = T(B/T), the inverse of `bulge_of_type`; 10 for an irregular without bulge
        with arms      T = max(T(B/T), 0) + (p - 19) / 12, not below 0 nor above 10

    with the Sersic index n (-5 for n = 4, an elliptical; -3 for n = 1, a lenticular without a
    visible disk) and the pitch angle p in degrees: of two spirals with the same bulge the one with
    the looser arms is later. A merger has the type of its brighter galaxy.

    Args:
        truth: Of the galaxy.

    Returns:
        -5 to 10, NaN for an artifact.

    References:
        de Vaucouleurs 1959 (Handbuch der Physik 53, 275) for the scale, Simien & de Vaucouleurs
        1986 for bulges. Departures: theirs is a mean relation of blue light, here it holds for
        every galaxy and for light in r; the terms in n and p are ours.
    """
    if truth.artefact:
        return float("nan")
    if truth.smooth:
        return float(max(-3.0 - 2.0 * np.log(truth.sersic_index) / np.log(4.0), -5.0))
    stage = float(type_of_bulge(truth.bulge_fraction))
    if truth.answers.get("has-spiral-arms") != "yes":
        return stage
    winding = (truth.pitch_angle - _PITCH) / _PITCH_OF_A_TYPE
    return float(np.clip(max(stage, 0.0) + winding, 0.0, 10.0))
