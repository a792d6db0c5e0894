"""Principal components and non-negative factors of spectra, fitted with their noise."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import NMF
from sklearn.utils.extmath import randomized_svd

__all__ = ["factor_amplitudes", "linear_amplitudes", "nonnegative_factors", "principal_vectors"]

_NMF_ROUNDS = 150
_AMPLITUDE_ROUNDS = 100


def principal_vectors(filled: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of spectra without gaps and their first principal vectors.

    Args:
        filled: (spectra, bins).
        number: Of vectors.

    Returns:
        (bins,) and (number, bins), orthonormal.
    """
    mean = filled.mean(axis=0)
    _, _, vectors = randomized_svd(filled - mean, number, random_state=0)
    return mean, vectors


def linear_amplitudes(
    spectra: np.ndarray, weights: np.ndarray, mean: np.ndarray, vectors: np.ndarray
) -> np.ndarray:
    """Returns the amplitudes of vectors with the least weighted squared deviation.

        (V W V^T) a = V W (x - m)

    Args:
        spectra: (spectra, bins).
        weights: (spectra, bins), 0 for bins without data.
        mean: (bins,), m.
        vectors: (number, bins), V.

    Returns:
        (spectra, number).
    """
    normal = np.einsum("nb,ib,jb->nij", weights, vectors, vectors, optimize=True)
    # A trace of a prior keeps spectra with few bins finite.
    scale = np.trace(normal, axis1=1, axis2=2) / len(vectors)
    normal += (1e-6 * scale + 1e-30)[:, None, None] * np.eye(len(vectors))
    data = (weights * (spectra - mean)) @ vectors.T
    return np.linalg.solve(normal, data[:, :, None])[:, :, 0]


def nonnegative_factors(filled: np.ndarray, number: int) -> np.ndarray:
    """Returns non-negative factors of spectra without gaps, (number, bins).

    Args:
        filled: (spectra, bins); negative fluxes count as 0.
        number: Of factors.

    References:
        Lee & Seung 1999 (Nature 401, 788); scikit-learn's coordinate descent.
    """
    # The SVD start without zeros, from which no factor could leave.
    factors = NMF(number, init="nndsvda", max_iter=_NMF_ROUNDS, tol=1e-3, random_state=0)
    factors.fit(np.maximum(filled, 0))
    return factors.components_


def factor_amplitudes(spectra: np.ndarray, weights: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Returns non-negative amplitudes of factors, (spectra, number).

    Multiplicative updates, which lower the weighted squared deviation at every step:

        a <- a (x W F^T) / (a F W F^T)

    Args:
        spectra: (spectra, bins).
        weights: (spectra, bins), 0 for bins without data.
        factors: (number, bins), F, not negative.

    References:
        Blanton & Roweis 2007 (AJ 133, 734), appendix, for spectra with noise and gaps.
    """
    wanted = np.maximum((weights * spectra) @ factors.T, 0)
    normal = np.einsum("nb,ib,jb->nij", weights, factors, factors, optimize=True)
    # Non-negative least squares from the solution without the constraint.
    start = np.linalg.solve(
        normal + 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(len(factors)),
        wanted[:, :, None],
    )[:, :, 0]
    amplitudes = np.maximum(start, 1e-3 * np.abs(start).max(axis=1, keepdims=True) + 1e-12)
    for _ in range(_AMPLITUDE_ROUNDS):
        amplitudes *= wanted / (np.einsum("nij,nj->ni", normal, amplitudes) + 1e-30)
    return amplitudes
