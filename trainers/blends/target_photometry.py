"""Photometry of the target of a stamp without a network: SEP, and an aperture on the blend.

Both detect in the sum of the bands in units of their noise, and measure the flux of every band in
one and the same aperture, Kron's ellipse (2.5 Kron radii, at least 3.5 px) about the detection, as
SExtractor does in its mode of two images:

    with deblending       SEP divides what it detects; the target is the detection nearest to its
                          position, at most two pixels off; pixels of others do not count
    without deblending    what touches is one source; the target is the one that covers its
                          position; everything in the aperture counts

References:
    Bertin and Arnouts 1996, A&AS 117, 393, sections 6 and 7; Barbary 2016, JOSS 1, 58.
"""

from __future__ import annotations

import dataclasses

import joblib
import numpy as np
import sep

from trainers.blends import sep_baseline

__all__ = ["TargetPhotometry", "kron_flux", "measure_targets"]

_MATCH_RADIUS = 2.0  # px
_KRON_FACTOR = 2.5
_LEAST_RADIUS = 3.5  # px
# Isophotal radii within which Kron's radius is measured, as SExtractor has it.
_KRON_REACH = 6.0

# Fewer stamps than this are done before other processes have started.
_FEWEST_FOR_PROCESSES = 4000
_STAMPS_PER_TASK = 500


@dataclasses.dataclass(frozen=True)
class TargetPhotometry:
    """Fluxes of targets.

    Attributes:
        flux: (number, bands), in the units of the images times pixels; NaN of a failure.
        others: (number, height, width) bool, pixels of other detections; none of a failure.
        detected: (number,) bool.
    """

    flux: np.ndarray
    others: np.ndarray
    detected: np.ndarray

    @property
    def failures(self) -> int:
        """Number of stamps in which nothing was detected at the place of the target."""
        return int((~self.detected).sum())


def measure_targets(
    images: np.ndarray,
    noise: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    deblend: bool,
    processes: int | None = None,
) -> TargetPhotometry:
    """Measures the target of each stamp.

    Args:
        images: (number, height, width, bands), sky subtracted.
        noise: (number, bands), standard deviation of the sky in a pixel.
        x: (number,), column of the target, px; 0 is the centre of the first pixel.
        y: (number,), row of the target.
        deblend: Whether SEP divides what it detects, and other detections are masked.
        processes: Number of processes; None for one per core, or none but this for few stamps.
    """
    if processes is None:
        processes = joblib.cpu_count() if len(images) >= _FEWEST_FOR_PROCESSES else 1
    pieces = joblib.Parallel(n_jobs=processes)(
        joblib.delayed(_measure)(
            *(each[i : i + _STAMPS_PER_TASK] for each in (images, noise, x, y)), deblend
        )
        for i in range(0, len(images), _STAMPS_PER_TASK)
    )
    flux, others = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return TargetPhotometry(flux, others, np.isfinite(flux).all(axis=1))


def _measure(images, noise, x, y, deblend):
    number, height, width, bands = images.shape
    flux = np.full((number, bands), np.nan)
    others = np.zeros((number, height, width), bool)
    for row in range(number):
        scaled = images[row] / noise[row]
        detection = np.ascontiguousarray(scaled.sum(axis=-1) / np.sqrt(bands), np.float32)
        contrast = sep_baseline.DEBLEND_CONTRAST if deblend else 1.0
        extracted = sep_baseline.extract(
            detection, 1.0, deblend_contrast=contrast, segmentation_map=True
        )
        if extracted is None:
            continue
        objects, regions = extracted
        target = _target(objects, regions, x[row], y[row], deblend)
        if target is None:
            continue
        flux[row] = kron_flux(
            images[row], detection, objects[target], target + 1, regions if deblend else None
        )
        others[row] = (regions > 0) & (regions != target + 1)
    return flux, others


def _target(objects, regions, x: float, y: float, deblend: bool) -> int | None:
    """Returns the index of the detection that is the target; None if there is none."""
    if not deblend:
        height, width = regions.shape
        row, column = (
            int(np.clip(round(at), 0, size - 1)) for at, size in ((y, height), (x, width))
        )
        return int(regions[row, column]) - 1 if regions[row, column] else None
    distance = np.hypot(objects["x"] - x, objects["y"] - y)
    if not len(objects) or distance.min() > _MATCH_RADIUS:
        return None
    return int(distance.argmin())


def kron_flux(
    image: np.ndarray,
    detection: np.ndarray,
    target: np.ndarray,
    number: int = 0,
    regions: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the flux of every band in the ellipse of Kron of a detection, (bands,).

    Args:
        image: (height, width, bands), sky subtracted.
        detection: (height, width) float32, the image of the detection.
        target: Record of `sep.extract`.
        number: Its number in `regions`.
        regions: (height, width), numbers of the detections, whose pixels do not count unless they
            are the target's; None to count all.
    """
    ellipse = [np.array([target[name]]) for name in ("x", "y", "a", "b", "theta")]
    settings = {} if regions is None else {"segmap": regions, "seg_id": np.array([number])}
    radius = _KRON_FACTOR * sep.kron_radius(detection, *ellipse, _KRON_REACH, **settings)[0]
    if not radius[0] * np.sqrt(target["a"] * target["b"]) >= _LEAST_RADIUS:  # Or NaN.
        ellipse[2] = ellipse[3] = np.ones(1)
        radius[0] = _LEAST_RADIUS
    bands = np.ascontiguousarray(np.moveaxis(image, -1, 0), np.float32)
    return np.array([sep.sum_ellipse(band, *ellipse, radius, **settings)[0][0] for band in bands])
