"""Laws of extinction by dust."""

from __future__ import annotations

import numpy as np

__all__ = ["calzetti", "milky_way", "transmission"]

# Polynomials in 1 / wavelength (1 / micron) - 1.82, of O'Donnell 1994 (ApJ 422, 158).
_OPTICAL_A = (1.0, 0.104, -0.609, 0.701, 1.137, -1.718, -0.827, 1.647, -0.505)
_OPTICAL_B = (0.0, 1.952, 2.908, -3.989, -7.985, 11.102, 5.491, -10.805, 3.347)


def calzetti(wavelength: np.ndarray) -> np.ndarray:
    """Returns k = A / E(B-V) of starburst galaxies, R_V = 4.05.

    Args:
        wavelength: Rest frame, 1200 to 22000 A.

    References:
        Calzetti et al. 2000, ApJ 533, 682, equation 4.
    """
    inverse = 1e4 / np.asarray(wavelength, float)
    red = 2.659 * (1.040 * inverse - 1.857) + 4.05
    blue = 2.659 * (((0.011 * inverse - 0.198) * inverse + 1.509) * inverse - 2.156) + 4.05
    return np.where(inverse < 1 / 0.63, red, blue)


def milky_way(wavelength: np.ndarray) -> np.ndarray:
    """Returns k = A / E(B-V) of diffuse dust in the Galaxy, R_V = 3.1.

    Args:
        wavelength: Observed, A; beyond 3030 to 9091 A the law of the infrared, and in the
            ultraviolet the value at 3030 A, which no bandpass here reaches.

    References:
        Cardelli, Clayton & Mathis 1989 (ApJ 345, 245), O'Donnell 1994 (ApJ 422, 158).
    """
    inverse = np.minimum(1e4 / np.asarray(wavelength, float), 3.3)
    y = inverse - 1.82
    optical = 3.1 * np.polynomial.polynomial.polyval(y, _OPTICAL_A)
    optical += np.polynomial.polynomial.polyval(y, _OPTICAL_B)
    infrared = (3.1 * 0.574 - 0.527) * inverse**1.61
    return np.where(inverse >= 1.1, optical, infrared)


def transmission(k: np.ndarray, reddening: np.ndarray) -> np.ndarray:
    """Returns the share of light that is left, 10^(-0.4 k E(B-V))."""
    return 10 ** (-0.4 * k * reddening)
