"""Agreement of two segmentations of the same images, pixel by pixel."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

from trainers.evaluators.statistics.ranking import Interval, resample_counts

__all__ = ["PixelCounts", "connected_regions", "rand_index", "rand_index_of_sources"]


@dataclasses.dataclass(frozen=True)
class PixelCounts:
    """Numbers of pixels by true and assigned class, source or sky.

    Attributes:
        hits: (images,), source in both.
        false_alarms: (images,), assigned to a source, in truth sky.
        misses: (images,), in truth of a source, assigned to the sky.
    """

    hits: np.ndarray
    false_alarms: np.ndarray
    misses: np.ndarray

    @classmethod
    def of(cls, truth: np.ndarray, assigned: np.ndarray, known: np.ndarray) -> PixelCounts:
        """Counts pixels, all arguments (images, height, width) bool.

        Args:
            truth: Pixels of true sources.
            assigned: Pixels that were assigned to sources.
            known: Pixels that count.
        """
        both = (truth & assigned, ~truth & assigned, truth & ~assigned)
        return cls(*((kind & known).sum(axis=(1, 2)) for kind in both))

    @property
    def iou(self) -> float:
        """Intersection over union of all images; NaN without a pixel of a source in either."""
        return float(self._iou(self.hits.sum(), self.false_alarms.sum(), self.misses.sum()))

    @property
    def dice(self) -> float:
        """2 hits / (2 hits + false alarms + misses) of all images."""
        return 2 * self.iou / (1 + self.iou)

    def iou_interval(self, generator: np.random.Generator) -> Interval:
        """Returns `iou` with its 95 % interval from resampled images."""
        counts = resample_counts(np.zeros(len(self.hits), int), generator)
        resampled = self._iou(*(counts @ kind for kind in dataclasses.astuple(self)))
        return Interval(self.iou, *np.nanpercentile(resampled, [2.5, 97.5]))

    @staticmethod
    def _iou(hits, false_alarms, misses):
        union = np.asarray(hits + false_alarms + misses, float)
        return np.divide(hits, union, out=np.full_like(union, np.nan), where=union > 0)


def rand_index(truth: np.ndarray, assigned: np.ndarray, known: np.ndarray) -> float:
    """Returns the adjusted Rand index of two partitions of the known pixels of all images.

    Args:
        truth: (images, height, width) integers or bool.
        assigned: Of the same shape.
        known: Of the same shape, bool.

    References:
        Hubert & Arabie 1985, Journal of Classification 2, 193.
    """
    return float(adjusted_rand_score(truth[known], assigned[known]))


def rand_index_of_sources(truth: np.ndarray, regions: np.ndarray, known: np.ndarray) -> float:
    """Returns the adjusted Rand index within the true sources, the mean over images.

    The sky, on which all methods agree for the most part, is left out, and so are images with
    fewer than two sources, where there is nothing to separate. NaN without any other image.

    Args:
        truth: (images, height, width) integers, numbers of the sources, 0 for the sky.
        regions: Of the same shape, numbers of the regions found.
        known: Of the same shape, bool.
    """
    indices = []
    for numbers, found, counts in zip(truth, regions, known, strict=True):
        chosen = counts & (numbers > 0)
        if len(np.unique(numbers[chosen])) > 1:
            indices.append(adjusted_rand_score(numbers[chosen], found[chosen]))
    return float(np.mean(indices)) if indices else float("nan")


def connected_regions(foreground: np.ndarray) -> np.ndarray:
    """Numbers the connected regions of each image from 1, 0 outside; diagonals connect.

    Args:
        foreground: (images, height, width) bool.
    """
    structure = np.ones((3, 3), int)
    return np.stack([ndimage.label(each, structure)[0] for each in foreground])
