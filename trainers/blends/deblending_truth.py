"""The truth of stamps with a target and its neighbours, and the answers of a method."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

__all__ = ["DeblendingTruth", "Method"]

# Class of the dataset `galaxy_scenes`.
_POINT_SOURCE = 3


@dataclasses.dataclass(frozen=True)
class DeblendingTruth:
    """The truth of stamps.

    Attributes:
        target: (number, height, width, bands), noiseless images of the targets.
        others: Of the same shape, of all other sources together.
        flux: (number, bands), of the targets in their stamps.
        snr: (number, bands), signal-to-noise ratio of a matched filter for the target alone.
        blendedness: (number,), 0 (alone) to 1.
        pairs: (number,) bool, two galaxies and nothing else.
        alone: (number,) bool, no neighbour.
    """

    target: np.ndarray
    others: np.ndarray
    flux: np.ndarray
    snr: np.ndarray
    blendedness: np.ndarray
    pairs: np.ndarray
    alone: np.ndarray

    @classmethod
    def of(
        cls, arrays: Mapping[str, np.ndarray], noise: np.ndarray, rows: np.ndarray
    ) -> DeblendingTruth:
        """Takes the truth from the features of `galaxy_scenes/stamps`.

        Args:
            arrays: The features.
            noise: (number of rows, bands), standard deviation of the sky in a pixel.
            rows: Which examples.
        """
        isolated = arrays["isolated"]
        target = np.stack([isolated[row, 0] for row in rows])
        others = np.stack([isolated[row, 1:].sum(axis=0) for row in rows])
        number, kinds = arrays["num_sources"][rows], arrays["class"][rows]
        second = kinds[:, 1] if kinds.shape[1] > 1 else np.full(len(rows), _POINT_SOURCE)
        return cls(
            target,
            others,
            target.sum(axis=(1, 2), dtype=np.float64),
            np.sqrt(np.sum((target / noise[:, None, None]) ** 2, axis=(1, 2), dtype=np.float64)),
            arrays["blendedness"][rows, 0],
            (number == 2) & (second != _POINT_SOURCE),
            number == 1,
        )


@dataclasses.dataclass(frozen=True)
class Method:
    """Fluxes, and shears if there are any, by one method.

    Attributes:
        name: In front of its metrics.
        title: In tables and figures.
        flux: (number, bands), NaN of a failure.
        shears: (number, 2), NaN where not measured.
    """

    name: str
    title: str
    flux: np.ndarray
    shears: np.ndarray

    @property
    def failures(self) -> int:
        """Number of stamps without a flux."""
        return int((~np.isfinite(self.flux).all(axis=1)).sum())
