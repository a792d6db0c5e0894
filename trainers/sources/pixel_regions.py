"""Regions of sources from maps of the background, of the light and of centres.

Pixels that are certainly sky and certainly source are markers from which a watershed floods the
Sobel filter of the background map, so that the edge of a source lies where the map changes most.
Each connected region of sources is then divided at its peaks by a watershed of the light.

References:
    Hausen & Robertson 2020 (arXiv 1906.11248), section 4.4 and released code; Meyer 1994, Signal
    Processing 38, 113 (watershed).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import sobel
from skimage.segmentation import watershed

__all__ = [
    "LIGHT_PEAKS",
    "PUBLISHED",
    "RegionSettings",
    "foreground_pixels",
    "settings_for",
    "source_regions",
]

_SKY, _SOURCE = 1, 2


@dataclasses.dataclass(frozen=True)
class RegionSettings:
    """Settings of `source_regions`.

    Attributes:
        sky: Value of the background from which on a pixel is a marker of the sky.
        source: Value of the background up to which a pixel is a marker of a source.
        centre: Least value of a peak in a map of centres. A region without one is no source,
            unless its light is beyond any doubt.
        certain: Light from which on it is, in the brightest pixel after smoothing; in units of
            the noise of a pixel if the light is.
        min_distance: Least distance between the peaks of a region, px.
        max_peaks: Most peaks of a region, the highest ones.
        smoothing: Standard deviation of the Gaussian by which the light is smoothed before its
            peaks and watersheds are taken, px; 0 for none.
        min_area: Least number of pixels of a source.

    Raises:
        ValueError: if a setting is out of range.
    """

    sky: float = 0.9
    source: float = 0.5
    centre: float = 0.25
    certain: float = 20.0
    min_distance: int = 3
    max_peaks: int = 20
    smoothing: float = 1.0
    min_area: int = 5

    def __post_init__(self):
        if not 0 <= self.source < self.sky <= 1:
            raise ValueError(
                f"source and sky must satisfy 0 <= source < sky <= 1; got {self.source} and "
                f"{self.sky}"
            )
        for name in ("min_distance", "max_peaks", "min_area"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.smoothing < 0:
            raise ValueError(f"smoothing must be at least 0; got {self.smoothing}")


LIGHT_PEAKS = RegionSettings(min_distance=5, smoothing=2.0)
"""Settings without a map of centres: peaks of the light that are neither noise nor clumps."""

PUBLISHED = RegionSettings(sky=1.0, source=0.0, min_distance=20, smoothing=0.0, min_area=1)
"""Settings of Hausen & Robertson 2020, for rank votes, which are exactly 0 and 1 in many pixels."""


def settings_for(*, centres: bool, ranks: bool) -> RegionSettings:
    """Returns the settings for the maps of a model.

    Args:
        centres: Whether it has a map of centres.
        ranks: Whether the map of the background is a rank vote.
    """
    settings = RegionSettings() if centres else LIGHT_PEAKS
    if ranks:
        # Votes are unanimous in many pixels; these are the published markers.
        settings = dataclasses.replace(settings, sky=PUBLISHED.sky, source=PUBLISHED.source)
    return settings


def source_regions(
    background: np.ndarray,
    light: np.ndarray,
    *,
    centres: np.ndarray | None = None,
    known: np.ndarray | None = None,
    settings: RegionSettings | None = None,
) -> np.ndarray:
    """Returns a map of the sources of an image.

    Args:
        background: (height, width), probability of the sky, 0 to 1; negative or NaN where unknown.
        light: (height, width), sky subtracted, in units of the noise of a pixel for `certain`.
        centres: (height, width), 0 to 1, high at the centres of sources, whose peaks then divide
            the regions; None to take the peaks of the light.
        known: (height, width) bool, pixels that are known; default all with a background.
        settings: Thresholds and distances; None for the defaults.

    Returns:
        (height, width) int32: the number of the source from 1, 0 for the sky, -1 where unknown.

    Raises:
        ValueError: if the maps have different shapes.
    """
    settings = settings or RegionSettings()
    for name, values in (("light", light), ("centres", centres), ("known", known)):
        if values is not None and np.shape(values) != np.shape(background):
            raise ValueError(
                f"{name} must have the shape of background, {np.shape(background)}; "
                f"got {np.shape(values)}"
            )
    known = np.ones(background.shape, bool) if known is None else np.asarray(known, bool)
    known = known & np.isfinite(background) & (np.nan_to_num(background, nan=-1.0) >= 0)
    background = np.where(known, background, 1.0)
    light = np.where(known & np.isfinite(light), light, 0.0).astype(np.float64)
    if settings.smoothing:
        light = ndimage.gaussian_filter(light, settings.smoothing)
    regions, _ = ndimage.label(foreground_pixels(background, known, settings))
    numbered = np.zeros(background.shape, np.int32)
    number = 0
    for index, box in enumerate(ndimage.find_objects(regions), start=1):
        inside = regions[box] == index
        parts = _divided(inside, light[box], None if centres is None else centres[box], settings)
        for part in range(1, parts.max() + 1):
            pixels = parts == part
            if np.count_nonzero(pixels) >= settings.min_area:
                number += 1
                numbered[box][pixels] = number
    return np.where(known, numbered, -1).astype(np.int32)


def foreground_pixels(
    background: np.ndarray, known: np.ndarray, settings: RegionSettings
) -> np.ndarray:
    """Returns which pixels the watershed of the background's edges gives to sources, bool.

    Args:
        background: (height, width), 0 to 1.
        known: (height, width) bool; other pixels are never of a source.
        settings: Thresholds of the markers.
    """
    markers = np.zeros(background.shape, np.int32)
    markers[known & (background >= settings.sky)] = _SKY
    markers[known & (background <= settings.source)] = _SOURCE
    if not (markers == _SKY).any():
        return known & (markers == _SOURCE)
    return watershed(sobel(background), markers, mask=known) == _SOURCE


def _divided(
    inside: np.ndarray, light: np.ndarray, centres: np.ndarray | None, settings: RegionSettings
) -> np.ndarray:
    """Returns the parts of a region, numbered from 1; none for a region without a centre."""
    lowest = light[inside].min()
    heights = np.where(inside, light - lowest, 0.0) if centres is None else centres * inside
    peaks = peak_local_max(
        heights,
        min_distance=settings.min_distance,
        threshold_abs=0.0 if centres is None else settings.centre,
        num_peaks=settings.max_peaks,
        exclude_border=False,
        labels=inside.astype(np.int32),
    )
    if len(peaks) < 2:
        exists = centres is None or len(peaks) > 0 or light[inside].max() >= settings.certain
        return inside.astype(np.int32) * exists
    markers = np.zeros(inside.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-light, markers, mask=inside)
