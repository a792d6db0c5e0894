"""Agreement of two segmentations of the same images, pixel by pixel."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage
from sklearn.metrics import adjusted_rand_score

from trainers.evaluators.statistics.ranking import Interval, resample_counts

__all__ = [
    "ClassAgreement",
    "PixelCounts",
    "boundary_f1",
    "connected_regions",
    "rand_index",
    "rand_index_of_sources",
]


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


@dataclasses.dataclass(frozen=True)
class ClassAgreement:
    """Numbers of pixels by true and assigned class.

    Attributes:
        matrix: (classes, classes) int, rows are true and columns assigned classes.
    """

    matrix: np.ndarray

    @classmethod
    def of(
        cls, truth: np.ndarray, assigned: np.ndarray, known: np.ndarray, classes: int
    ) -> ClassAgreement:
        """Counts pixels.

        Args:
            truth: True classes, 0 to classes - 1, of any shape.
            assigned: Assigned classes, of the same shape.
            known: Of the same shape, bool, pixels that count.
            classes: Number of classes.
        """
        pairs = classes * truth[known].astype(np.int64) + assigned[known]
        return cls(np.bincount(pairs, minlength=classes**2).reshape(classes, classes))

    @property
    def iou(self) -> np.ndarray:
        """(classes,), intersection over union; NaN for a class without pixels in either."""
        return self._per_class(self._true + self._assigned - self._hits, 1)

    @property
    def dice(self) -> np.ndarray:
        """(classes,), 2 hits / (true + assigned pixels)."""
        return self._per_class(self._true + self._assigned, 2)

    @property
    def recall(self) -> np.ndarray:
        """(classes,), accuracy within the pixels of each true class."""
        return self._per_class(self._true, 1)

    @property
    def accuracy(self) -> float:
        """Share of all pixels whose class is right."""
        total = self.matrix.sum()
        return float(self._hits.sum() / total) if total else float("nan")

    @property
    def _hits(self) -> np.ndarray:
        return np.diag(self.matrix)

    @property
    def _true(self) -> np.ndarray:
        return self.matrix.sum(axis=1)

    @property
    def _assigned(self) -> np.ndarray:
        return self.matrix.sum(axis=0)

    def _per_class(self, number: np.ndarray, factor: int) -> np.ndarray:
        empty = np.full(len(number), np.nan)
        return np.divide(factor * self._hits, number, out=empty, where=number > 0)


def boundary_f1(
    truth: np.ndarray, assigned: np.ndarray, known: np.ndarray, tolerance: float = 2.0
) -> float:
    """Returns how well the outlines of two foregrounds agree, 0 to 1; NaN without an outline.

        F1 = 2 P R / (P + R)

    where P is the share of the assigned outline that is within `tolerance` of a true one in its
    image, and R that of the true outline within `tolerance` of an assigned one. The outline are
    the pixels of the foreground that touch, side by side, a known pixel outside of it.

    Args:
        truth: (images, height, width) bool.
        assigned: Of the same shape.
        known: Of the same shape; others have no outline.
        tolerance: px. Default 2.

    References:
        Csurka et al. 2013, BMVC 24, "What is a good evaluation measure for semantic
        segmentation?".
    """
    near, number = np.zeros(2), np.zeros(2)
    for each in zip(truth, assigned, known, strict=True):
        outlines = [_outline(foreground, each[2]) for foreground in each[:2]]
        for one, other in ((0, 1), (1, 0)):
            number[one] += outlines[one].sum()
            if outlines[other].any():
                distance = ndimage.distance_transform_edt(~outlines[other])
                near[one] += (distance[outlines[one]] <= tolerance).sum()
    if not number.any():
        return float("nan")
    recall, precision = near / np.maximum(number, 1)
    return float(2 * precision * recall / max(precision + recall, 1e-12))


def _outline(foreground: np.ndarray, known: np.ndarray) -> np.ndarray:
    outside = known & ~foreground
    return foreground & known & ndimage.binary_dilation(outside)
