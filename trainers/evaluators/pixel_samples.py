"""Images of an evaluation with what is known and true of their pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trainers.evaluators.statistics.class_names import BACKGROUNDS
from trainers.evaluators.statistics.photometry import sky_and_noise
from trainers.evaluators.statistics.pixel_baselines import significance

if TYPE_CHECKING:
    from trainers.evaluators.context import EvaluationContext

__all__ = ["PixelSample", "background_of", "largest_segment", "segments_of"]


@dataclasses.dataclass(frozen=True)
class PixelSample:
    """Some images of the evaluated split.

    Attributes:
        rows: (number,), the images among those of the context.
        images: (number, height, width, bands), sky subtracted, 0 where not finite.
        noise: (number, bands), standard deviation of the sky in a pixel.
        detection: (number, height, width), the bands together in units of their noise.
        truth: (number, height, width) int, number of the true source, 0 for the sky.
        segments: (number, height, width) int, segment or class of the model.
        known: (number, height, width) bool, pixels that count: those that neither the model nor
            the true map calls unknown (negative), without a defect in the dataset's `mask`, and
            finite.
    """

    rows: np.ndarray
    images: np.ndarray
    noise: np.ndarray
    detection: np.ndarray
    truth: np.ndarray
    segments: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, context: EvaluationContext, number: int, purpose: str) -> PixelSample:
        """Returns at most `number` images, drawn at random.

        Args:
            context: The evaluation of a model with a segment for each pixel.
            number: Images at most.
            purpose: Of the random numbers.
        """
        rows = context.subset(number, purpose)
        arrays = context.arrays()
        images, truth = context.images[rows], np.asarray(arrays["segmentation"])[rows]
        segments = segments_of(context)[rows]
        known = (truth >= 0) & (segments >= 0) & np.isfinite(images).all(axis=-1)
        if "mask" in arrays:
            mask = np.asarray(arrays["mask"])[rows]
            known &= (mask == 0).reshape(*known.shape, -1).all(axis=-1)
        images = np.where(np.isfinite(images), images, 0.0)
        sky, noise = sky_and_noise(images)
        if context.noise()[1]:
            noise = context.noise()[0][rows]
        images = images - sky[:, None, None]
        return cls(rows, images, noise, significance(images, noise), truth, segments, known)


def segments_of(context: EvaluationContext) -> np.ndarray:
    """Returns the segment, or the most probable class, of each pixel of all images."""
    outputs = context.outputs("call")
    return outputs["segment"] if "segment" in outputs else outputs["probability"].argmax(axis=-1)


def background_of(segments: np.ndarray, known: np.ndarray, names: Sequence[str]) -> int:
    """Returns the segment that is the sky: the one of that name, or else the largest.

    Args:
        segments: Segments of the pixels.
        known: Of the same shape, bool, pixels that count.
        names: Names of the segments.
    """
    own = [index for index, name in enumerate(names) if name in BACKGROUNDS]
    return own[0] if own else largest_segment(np.where(known, segments, -1))


def largest_segment(segments: np.ndarray) -> int:
    """Returns the segment of most pixels; negative ones are none."""
    return int(np.bincount(segments[segments >= 0]).argmax())
