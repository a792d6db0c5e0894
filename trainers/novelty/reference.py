"""The images that a model answers within its training, and the limit of that."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import UserError
from trainers.novelty import densities
from trainers.novelty.densities import LEAST
from trainers.novelty.measurements import GROUPS, LEAST_SIDE
from trainers.novelty.sample import FEATURES, Sample
from trainers.storage.atomic_files import write_atomically

__all__ = ["DESCRIPTIONS", "FARTHEST", "SHARE", "SIZE", "Reference", "limit", "load"]

SHARE = 0.05
"""Share of the objects of the training's distribution that is flagged at most."""

DESCRIPTIONS = {
    "validity_distance": "Distance from the training images, 1 at the limit of validity",
    "outside": "Whether the image is unlike those of the training, so that the answer may be wrong",
    "outside_reason": "In what the image is unlike those of the training; empty if in nothing",
}
"""Columns of `Reference.columns`."""

FARTHEST = 1e6
"""Largest `validity_distance`."""

SIZE = "image size"
"""Reason of images that are too small to be measured."""

_CONFIDENCE = 0.95
# The noise has the most to say of instruments, and gets half of what may be flagged.
_PARTS = {"noise": 0.5, "light": 0.25, FEATURES: 0.25}
_FORMAT = 2
_QUANTILES = (0.01, 0.5, 0.99)


@dataclasses.dataclass
class Reference:
    """Densities of the training images, and the distances from them that are still valid.

    Attributes:
        densities: By the name of the comparison.
        limits: Distance, by comparison, above which an object is outside.
        quantiles: Of each measurement those of 1, 50 and 99 % of the training, (3, values).
        pad: Pixels of zeros on each side of the images.
        facts: Numbers for the model card, fit for JSON.
    """

    densities: dict[str, densities.Density]
    limits: dict[str, float]
    quantiles: dict[str, np.ndarray]
    pad: int = 0
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def fit(cls, training: Sample, validation: Sample, pad: int = 0) -> Reference:
        """Returns the reference of images.

        Args:
            training: Images that set the densities.
            validation: Others of the same distribution, which set the limits.
            pad: See `measurements.measure`. Default 0.
        """
        fitted = {name: _kind(name).fit(vectors) for name, vectors in training.vectors.items()}
        quantiles = {
            name: np.quantile(values, _QUANTILES, axis=0)
            for name, values in training.measured.items()
        }
        reference = cls(fitted, {}, quantiles, pad)
        distances = reference._distances(validation)
        total = sum(_PARTS[name] for name in distances)
        limits = {
            name: max(limit(values, SHARE * _PARTS[name] / total), LEAST)
            for name, values in distances.items()
        }
        # Each comparison flags its part; together they flag less than the sum of the parts.
        largest = np.max([distances[name] / limits[name] for name in limits], axis=0)
        common = max(limit(largest, SHARE), LEAST)
        reference.limits = {name: value * common for name, value in limits.items()}
        reference.facts = {
            "training_objects": len(training),
            "validation_objects": len(validation),
            "share_allowed": SHARE,
            "comparisons": list(fitted),
        }
        return reference

    def columns(self, images: np.ndarray, features: np.ndarray | None) -> dict[str, np.ndarray]:
        """Returns what a table says of the validity of answers, see `DESCRIPTIONS`.

        Args:
            images: (number, height, width, bands).
            features: (number, ...); None to leave this comparison out.
        """
        return self.columns_of(self.sample(images), features, len(images))

    def sample(self, images: np.ndarray) -> Sample | None:
        """Returns the measurements of images, without features; None if they are too small.

        Args:
            images: (number, height, width, bands).
        """
        # A model that takes images of any size may get such, the training had none.
        is_small = min(images.shape[1:3]) - 2 * self.pad < LEAST_SIDE
        return None if is_small else Sample.of(images, None, self.pad)

    def columns_of(
        self, sample: Sample | None, features: np.ndarray | None, number: int
    ) -> dict[str, np.ndarray]:
        """Returns `columns` from measurements.

        Args:
            sample: See `sample`.
            features: (number, ...); None to leave this comparison out.
            number: Number of images.
        """
        if sample is None:
            return {
                "validity_distance": np.full(number, FARTHEST, np.float32),
                "outside": np.ones(number, bool),
                "outside_reason": np.full(number, SIZE),
            }
        return self.judged(sample.with_features(features))

    def judged(self, sample: Sample) -> dict[str, np.ndarray]:
        """Returns the columns of a sample, see `columns`."""
        relative = {
            name: values / self.limits[name] for name, values in self._distances(sample).items()
        }
        largest = np.max(list(relative.values()), axis=0)
        reasons = [
            "; ".join(
                self._reason(name, sample.measured, row)
                for name, values in relative.items()
                if values[row] > 1
            )
            for row in range(len(sample))
        ]
        return {
            "validity_distance": np.minimum(largest, FARTHEST).astype(np.float32),
            "outside": largest > 1,
            "outside_reason": np.array(reasons, dtype=str),
        }

    def save(self, path: Path) -> None:
        """Writes the reference into a file of arrays."""
        arrays = {
            f"{name}/{array}": values
            for name, density in self.densities.items()
            for array, values in density.arrays.items()
        }
        arrays |= {f"quantiles/{name}": values for name, values in self.quantiles.items()}
        about = {"format": _FORMAT, "limits": self.limits, "pad": self.pad, "facts": self.facts}
        arrays["about"] = np.array(json.dumps(about, allow_nan=False))
        write_atomically(path, lambda file: np.savez(file, **arrays))

    def _distances(self, sample: Sample) -> dict[str, np.ndarray]:
        return {
            name: self.densities[name].distance(vectors)
            for name, vectors in sample.vectors.items()
            if name in self.densities
        }

    def _reason(self, name: str, measured: Mapping[str, np.ndarray], row: int) -> str:
        """Returns the measurement of a comparison that is farthest out, or its own name."""
        excess = {each: self._excess(each, measured[each][row]) for each in GROUPS.get(name, ())}
        return max(excess, key=excess.get, default=name)

    def _excess(self, name: str, values: np.ndarray) -> float:
        """Returns the largest distance from the median, in units of that of the outer quantile."""
        low, median, high = self.quantiles[name]
        width = np.where(values < median, median - low, high - median)
        return float(np.max(np.abs(values - median) / np.maximum(width, LEAST)))


def load(path: Path) -> Reference:
    """Returns the reference in a file.

    Raises:
        UserError: if it is none, or of another format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    if about["format"] != _FORMAT:
        raise UserError(
            f"{path} must have format {_FORMAT}; got {about['format']}; "
            "`python -m trainers.validity --run_dir RUN` makes it again"
        )
    held: dict[str, dict[str, np.ndarray]] = {}
    for name, values in arrays.items():
        owner, array = name.split("/", 1)
        held.setdefault(owner, {})[array] = values
    quantiles = held.pop("quantiles")
    fitted = {name: _kind(name)(own) for name, own in held.items()}
    return Reference(fitted, about["limits"], quantiles, about["pad"], about["facts"])


def _kind(name: str) -> type[densities.Density]:
    return densities.FeatureGaussian if name == FEATURES else densities.MeasurementMixture


def limit(distances: np.ndarray, share: float) -> float:
    """Returns a distance that at most a share of the distribution exceeds, with 95 % confidence.

    It is the k-th largest of n distances. The share beyond it has the distribution
    Beta(k, n - k + 1); k is the largest for which it is below `share` with that confidence, or 1,
    the largest distance, if n is too small for any.

    Args:
        distances: (n,), of a sample of the distribution.
        share: The share.

    References:
        Wilks 1941 (Annals of Mathematical Statistics 12, 91), tolerance limits from the order in a
        sample.
    """
    from scipy.stats import beta

    number = len(distances)
    rank = np.arange(1, number + 1)
    allowed = beta.cdf(share, rank, number - rank + 1) >= _CONFIDENCE
    return float(np.sort(distances)[number - max(1, int(np.count_nonzero(allowed)))])
