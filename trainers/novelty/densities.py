"""Distances of vectors from a sample, by a density that is fitted to it."""

from __future__ import annotations

import abc
from collections.abc import Mapping

import numpy as np

__all__ = ["LEAST", "Density", "FeatureGaussian", "MeasurementMixture"]

_COMPONENTS = 6
_VECTORS_PER_COMPONENT = 50  # at least
_REGULARISATION = 1e-4  # of a covariance, in units of the variance of the sample
_LINEAR = 0.1  # of the median size of a measurement; above, its logarithm counts
LEAST = 1e-12
"""Least size, spread or length that is divided by or has a logarithm."""

_PRINCIPAL = 128
_SEED = 0


class Density(abc.ABC):
    """A density of vectors, kept as arrays."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.arrays = dict(arrays)

    @abc.abstractmethod
    def distance(self, vectors: np.ndarray) -> np.ndarray:
        """Returns a distance that grows as the density falls.

        Args:
            vectors: (number, dimensions).

        Returns:
            (number,) float64, at least 0; for a Gaussian that of Mahalanobis.
        """


class MeasurementMixture(Density):
    """A mixture of Gaussians in asinh-scaled, whitened measurements.

    d(x) = sqrt(2 (log p_max - log p(x))), p_max the largest density in the sample.

    Measurements of one instrument spread over decades, as a noise does when galaxies are scaled to
    one size, and have a few odd ones among them, which one Gaussian would be too wide for.
    """

    @classmethod
    def fit(cls, vectors: np.ndarray) -> MeasurementMixture:
        """Returns the density of a sample.

        Args:
            vectors: (number, dimensions), some at least.
        """
        from sklearn.mixture import GaussianMixture

        vectors = vectors.astype(np.float64)
        scale = np.maximum(_LINEAR * np.median(np.abs(vectors), axis=0), LEAST)
        scaled = np.arcsinh(vectors / scale)
        centre, spread = scaled.mean(axis=0), np.maximum(scaled.std(axis=0), _REGULARISATION)
        whitened = (scaled - centre) / spread
        values, axes = np.linalg.eigh(np.cov(whitened, rowvar=False).reshape(len(scale), -1))
        axes = axes / np.sqrt(values + _REGULARISATION)
        mixture = GaussianMixture(
            max(1, min(_COMPONENTS, len(vectors) // _VECTORS_PER_COMPONENT)),
            random_state=_SEED,
            reg_covar=_REGULARISATION,
        ).fit(whitened @ axes)
        density = cls(
            {
                "scale": scale,
                "centre": centre,
                "axes": axes / spread[:, None],
                "weights": mixture.weights_,
                "means": mixture.means_,
                "precisions_cholesky": mixture.precisions_cholesky_,
                "largest": np.zeros(()),
            }
        )
        density.arrays["largest"] = density._log_density(vectors).max()
        return density

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        lack = self.arrays["largest"] - self._log_density(vectors)
        return np.sqrt(2 * np.maximum(lack, 0))

    def _log_density(self, vectors: np.ndarray) -> np.ndarray:
        from scipy.special import logsumexp

        held = self.arrays
        # A measurement that was the same in all of the training has a small spread.
        scaled = np.arcsinh(vectors.astype(np.float64) / held["scale"])
        points = (scaled - held["centre"]) @ held["axes"]
        roots = held["precisions_cholesky"]
        # (number, components, dimensions)
        scaled = np.einsum("nd,kde->nke", points, roots, optimize=True)
        scaled -= np.einsum("kd,kde->ke", held["means"], roots)
        volumes = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        return logsumexp(np.log(held["weights"]) + volumes - 0.5 * (scaled**2).sum(axis=2), axis=1)


class FeatureGaussian(Density):
    """A Gaussian in the principal components of features, and in the length of the rest.

    d(x)^2 is that of Mahalanobis in the largest components, plus the square of the standardised
    logarithm of the length that they leave.

    References:
        Lee et al. 2018 (NeurIPS), distances of Mahalanobis in features; Wang et al. 2022 (CVPR),
        the length outside of the principal components.
    """

    @classmethod
    def fit(cls, vectors: np.ndarray) -> FeatureGaussian:
        """Returns the density of a sample.

        Args:
            vectors: (number, dimensions), some at least.
        """
        from sklearn.covariance import ledoit_wolf

        centre = vectors.mean(axis=0, dtype=np.float64)
        covariance, _ = ledoit_wolf(vectors - centre, assume_centered=True)
        values, axes = np.linalg.eigh(np.atleast_2d(covariance))
        kept = slice(-min(_PRINCIPAL, len(values)), None)
        least = LEAST + _REGULARISATION * max(values.mean(), 0)
        density = cls(
            {
                "centre": centre.astype(np.float32),
                "axes": axes[:, kept].astype(np.float32),
                "spread": np.sqrt(np.maximum(values[kept], least)).astype(np.float32),
                "rest": np.zeros(0),
            }
        )
        if len(values) > _PRINCIPAL:
            rest = density._projected(vectors)[1]
            spread = max(rest.std(), _REGULARISATION)
            density.arrays["rest"] = np.array([rest.mean(), spread])
        return density

    def distance(self, vectors: np.ndarray) -> np.ndarray:
        components, rest = self._projected(vectors)
        squared = (components**2).sum(axis=1)
        if len(self.arrays["rest"]):
            mean, spread = self.arrays["rest"]
            squared = squared + ((rest - mean) / spread) ** 2
        return np.sqrt(squared)

    def _projected(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns standardised components, and the logarithm of the length that they leave."""
        held = self.arrays
        centred = vectors.astype(np.float64) - held["centre"]
        components = centred @ held["axes"]
        rest = (centred**2).sum(axis=1) - (components**2).sum(axis=1)
        return components / held["spread"], 0.5 * np.log(np.maximum(rest, LEAST))
