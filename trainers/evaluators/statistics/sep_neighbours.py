"""Neighbours of the central objects of images, by SEP."""

from __future__ import annotations

import numpy as np

from trainers.blends import sep_baseline
from trainers.evaluators.statistics.photometry import sky_and_noise
from trainers.evaluators.statistics.pixel_baselines import significance

__all__ = ["sep_neighbours"]


def sep_neighbours(images: np.ndarray) -> np.ndarray:
    """Returns which pixels SEP gives to sources beside the one at the centre.

    SEP deblends the sum of the bands in units of their noise at 1.5 sigma; the source nearest to
    the centre is the object.

    Args:
        images: (number, height, width, bands) in survey units.

    Returns:
        (number, height, width) bool; nothing where SEP finds no source or gives up.
    """
    sky, noise = sky_and_noise(images)
    detection = significance(images - sky[:, None, None], noise)
    regions = np.zeros(detection.shape, bool)
    centre = (np.array(detection.shape[1:]) - 1) / 2
    for image, region in zip(detection, regions, strict=True):
        extracted = sep_baseline.extract(image.copy(), 1.0, segmentation_map=True)
        if extracted is None or not len(extracted[0]):
            continue
        objects, segments = extracted
        nearest = np.hypot(objects["y"] - centre[0], objects["x"] - centre[1]).argmin()
        region[:] = (segments > 0) & (segments != nearest + 1)
    return regions
