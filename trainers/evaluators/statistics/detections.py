"""Detections of sources in images, compared with the true ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from trainers.blends import sep_baseline
from trainers.sources.catalogue import measure_sources
from trainers.sources.matching import match_positions
from trainers.sources.pixel_regions import RegionSettings, source_regions

__all__ = ["Comparison", "DetectedSources", "TrueSources", "detected_by_maps", "detected_by_sep"]


@dataclasses.dataclass(frozen=True)
class DetectedSources:
    """Detections in some images, n in all.

    Attributes:
        image: (n,) int, number of the image.
        position: (n, 2), x and y, px.
        significance: (n,), flux over its noise in the pixels of the detection.
        label: (n,) int, class of the source, -1 if there is none.
    """

    image: np.ndarray
    position: np.ndarray
    significance: np.ndarray
    label: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> DetectedSources:
        """Joins position, significance and label of the sources of each image."""
        image = np.repeat(np.arange(len(parts)), [len(part[1]) for part in parts])
        return cls(image, *(np.concatenate(each) for each in zip(*parts, strict=True)))

    def values_at(self, maps: np.ndarray) -> np.ndarray:
        """Returns the values of maps, (images, height, width), at the positions, (n,)."""
        size = np.array(maps.shape[1:])
        row, column = np.clip(np.rint(self.position[:, ::-1]).astype(int), 0, size - 1).T
        return maps[self.image, row, column]


@dataclasses.dataclass(frozen=True)
class TrueSources:
    """True sources of some images, m in all, those whose centre lies outside among them.

    Attributes:
        image: (m,) int, number of the image.
        number: (m,) int, its number in the true map of the image, from 1.
        position: (m, 2), x and y, px.
        flux: (m,), in one band.
        snr: (m,), signal-to-noise ratio of a matched filter.
        label: (m,) int, class.
        separation: (m,), distance of the nearest other source of the image, px; infinite without.
        inside: (m,) bool, whether its centre lies on a pixel that counts.
    """

    image: np.ndarray
    number: np.ndarray
    position: np.ndarray
    flux: np.ndarray
    snr: np.ndarray
    label: np.ndarray
    separation: np.ndarray
    inside: np.ndarray

    @classmethod
    def of(
        cls, arrays: Mapping[str, np.ndarray], rows: np.ndarray, known: np.ndarray, band: int
    ) -> TrueSources:
        """Takes the truth from the features of a dataset.

        Args:
            arrays: Features "x", "y", "snr" and "class", (number, sources), the class -1 where
                there is no source, and "flux", (number, sources, bands).
            rows: (images,), those that count.
            known: (images, height, width) bool, pixels that count.
            band: Band of the flux.
        """
        columns = {name: np.asarray(arrays[name])[rows] for name in ("x", "y", "snr", "class")}
        flux = np.asarray(arrays["flux"])[rows][..., band]
        exists = columns["class"] >= 0
        image, row = np.nonzero(exists)
        position = np.stack([columns["x"], columns["y"]], axis=-1)
        distance = np.hypot(*np.moveaxis(position[:, :, None] - position[:, None], -1, 0))
        others = exists[:, None] & ~np.eye(exists.shape[1], dtype=bool)
        separation = np.where(others, distance, np.inf).min(axis=-1)
        position = position[exists]
        pixel = np.rint(position).astype(int)[:, ::-1]
        size = np.array(known.shape[1:])
        inside = ((pixel >= 0) & (pixel < size)).all(axis=-1)
        inside &= known[(image, *np.clip(pixel, 0, size - 1).T)]
        return cls(
            image,
            row + 1,
            position,
            flux[exists],
            columns["snr"][exists],
            columns["class"][exists],
            separation[exists],
            inside,
        )


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Detections beside the truth.

    Attributes:
        partner: (m,) int, detection of each true source, -1 if it was missed.
        spurious: (n,) bool, detections that are no true source, or one that has another partner.
        partial: (n,) bool, detections without a partner on the pixels of a true source whose
            centre lies outside; they are neither true nor spurious.
    """

    partner: np.ndarray
    spurious: np.ndarray
    partial: np.ndarray

    @property
    def detected(self) -> np.ndarray:
        """(m,) bool, true sources that were detected."""
        return self.partner >= 0

    @classmethod
    def of(
        cls, detected: DetectedSources, true: TrueSources, truth: np.ndarray, radius: float
    ) -> Comparison:
        """Matches positions one to one, see `trainers.sources.matching`.

        Args:
            detected: The detections.
            true: The true sources; those outside too may be the partner of a detection.
            truth: (images, height, width) int, number of the true source of each pixel.
            radius: px.
        """
        partner = np.full(len(true.image), -1)
        for image in np.unique(true.image):
            of_truth = np.flatnonzero(true.image == image)
            candidates = np.flatnonzero(detected.image == image)
            pairs = match_positions(true.position[of_truth], detected.position[candidates], radius)
            partner[of_truth[pairs >= 0]] = candidates[pairs[pairs >= 0]]
        alone = np.ones(len(detected.image), bool)
        alone[partner[partner >= 0]] = False
        outside = {*zip(true.image[~true.inside], true.number[~true.inside], strict=True)}
        below = zip(detected.image, detected.values_at(truth), strict=True)
        partial = alone & np.array([each in outside for each in below], bool)
        return cls(partner, alone & ~partial, partial)


def detected_by_maps(
    background: np.ndarray,
    detection: np.ndarray,
    known: np.ndarray,
    probabilities: np.ndarray | None = None,
    centres: np.ndarray | None = None,
    settings: RegionSettings | None = None,
) -> DetectedSources:
    """Returns the sources of maps of the background, see `trainers.sources.pixel_regions`.

    Args:
        background: (images, height, width), probability of the sky.
        detection: Of the same shape, in units of the noise.
        known: Of the same shape, bool, pixels that count.
        probabilities: (images, height, width, classes) of the sources; None for no classes.
        centres: (images, height, width), maps of centres if there are any.
        settings: Thresholds; None for the defaults.
    """
    parts = []
    for index, light in enumerate(detection):
        regions = source_regions(
            background[index],
            light,
            centres=None if centres is None else centres[index],
            known=known[index],
            settings=settings,
        )
        classes = np.ones((*light.shape, 1)) if probabilities is None else probabilities[index]
        sources = measure_sources(
            regions, light, classes, None if centres is None else centres[index]
        )
        label = sources.labels if probabilities is not None else np.full(len(sources), -1)
        position = np.stack([sources.x, sources.y], axis=-1)
        parts.append((position, sources.light / np.sqrt(sources.area), label))
    return DetectedSources.joined(parts)


def detected_by_sep(detection: np.ndarray, known: np.ndarray) -> DetectedSources:
    """Returns the sources of SEP at 1.5 sigma, see `trainers.blends.sep_baseline`.

    Args:
        detection: (images, height, width), in units of the noise.
        known: Of the same shape, bool: the others are masked.
    """
    parts = []
    for image, counts in zip(detection, known, strict=True):
        extracted = sep_baseline.extract(
            np.where(counts, image, 0.0).astype(np.float32), 1.0, mask=~counts
        )
        objects = np.zeros(0, [(name, float) for name in ("x", "y", "flux", "npix")])
        objects = objects if extracted is None else extracted
        position = np.stack([objects["x"], objects["y"]], axis=-1)
        ratio = objects["flux"] / np.sqrt(objects["npix"])
        parts.append((position, ratio, np.full(len(objects), -1)))
    return DetectedSources.joined(parts)
