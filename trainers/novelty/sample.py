"""Measurements and features of a number of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from trainers.novelty import measurements

__all__ = ["FEATURES", "Sample"]

FEATURES = "features"
"""Name of the comparison in the features of the model, beside those of `measurements.GROUPS`."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """Numbers of images that are compared.

    Attributes:
        measured: See `measurements.measure`.
        features: (number, dimensions) float32; None where there are none.
    """

    measured: Mapping[str, np.ndarray]
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(next(iter(self.measured.values())))

    @classmethod
    def of(cls, images: np.ndarray, features: np.ndarray | None, pad: int) -> Sample:
        """Returns the sample of images; arguments as those of `measurements.measure`."""
        return cls(measurements.measure(images, pad)).with_features(features)

    def with_features(self, features: np.ndarray | None) -> Sample:
        """Returns the sample with features, (number, ...), or without any."""
        flat = None if features is None else features.reshape(len(self), -1)
        return dataclasses.replace(self, features=flat)

    @classmethod
    def joined(cls, samples: Sequence[Sample]) -> Sample:
        """Returns the sample of all images of some samples, one at least."""
        measured = {
            name: np.concatenate([sample.measured[name] for sample in samples])
            for name in samples[0].measured
        }
        features = [sample.features for sample in samples if sample.features is not None]
        return cls(measured, np.concatenate(features) if features else None)

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """Vectors of each comparison, (number, dimensions), by its name."""
        grouped = {
            group: np.concatenate([self.measured[name] for name in names], axis=1)
            for group, names in measurements.GROUPS.items()
        }
        return grouped if self.features is None else {**grouped, FEATURES: self.features}
