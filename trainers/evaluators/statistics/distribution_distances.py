"""Distances between two samples of feature vectors."""

from __future__ import annotations

import numpy as np
from scipy import linalg
from sklearn.metrics.pairwise import polynomial_kernel

__all__ = ["frechet_distance", "kernel_distance"]

_DEGREE = 3
_SUBSETS = 50
_SUBSET = 500


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the Frechet distance of the normal distributions of two samples.

        |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))

    It is biased: samples of one distribution have a distance too, which falls with their number.

    Args:
        first: (number, dimension).
        second: (number, dimension).

    References:
        Heusel et al. 2017 (arXiv:1706.08500), with features of Inception.
    """
    offset = first.mean(axis=0) - second.mean(axis=0)
    covariances = [np.atleast_2d(np.cov(sample, rowvar=False)) for sample in (first, second)]
    # The trace of the root of a product is that of the singular values of the product of roots.
    roots = [_root(covariance) for covariance in covariances]
    shared = linalg.svdvals(roots[0] @ roots[1]).sum()
    return float(offset @ offset + sum(map(np.trace, covariances)) - 2 * shared)


def kernel_distance(
    first: np.ndarray, second: np.ndarray, generator: np.random.Generator
) -> tuple[float, float]:
    """Returns the kernel distance of two samples, and its standard deviation over subsets.

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y),   k(x, y) = (x . y / dimension + 1)^3

    without bias: it is zero on average for samples of one distribution, and may be negative.

    Args:
        first: (number, dimension), four rows at least.
        second: (number, dimension), four rows at least.
        generator: Source of the random subsets, of half of the rows or 500, that it is averaged
            over.

    References:
        Binkowski et al. 2018 (arXiv:1801.01401), with features of Inception.
    """
    size = min(_SUBSET, len(first) // 2, len(second) // 2)
    values = []
    for _ in range(_SUBSETS):
        x, y = (
            sample[generator.choice(len(sample), size, replace=False)] for sample in (first, second)
        )
        within = sum(_mean_of_pairs(polynomial_kernel(each, degree=_DEGREE)) for each in (x, y))
        values.append(within - 2 * polynomial_kernel(x, y, degree=_DEGREE).mean())
    return float(np.mean(values)), float(np.std(values))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, axes = np.linalg.eigh(covariance)
    return (axes * np.sqrt(np.maximum(values, 0))) @ axes.T


def _mean_of_pairs(kernel: np.ndarray) -> float:
    number = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (number * (number - 1))
