"""Detection of the sources of a frame, and its sky, with SEP.

What is one detection decides what a classifier of blends is asked. SExtractor's deblending answers
the same question first: of a pair that it splits, each half would come as a source of its own, and
only what it missed would ever be judged. So by default nothing is deblended: all pixels above the
threshold that touch are *one* detection, one galaxy or three, and the classifier decides. What
SEP's deblending makes of each detection, with the settings of `trainers.blends.sep_baseline`, is
counted beside it as a second opinion.

In a crowded field, or around a bright star, what touches may be larger than a stamp; the catalogue
flags it, and a higher threshold or some deblending (0.05, say) splits it.

References:
    Barbary 2016, JOSS 1, 58; Bertin and Arnouts 1996, A&AS 117, 393.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import sep
from scipy import ndimage

from trainers.blends import sep_baseline
from trainers.errors import UserError
from trainers.frames.options import DetectionSettings
from trainers.frames.reading import Frame

__all__ = ["Detections", "detect", "flux_error"]


# The brightest pixel is a poor centre of a faint source: from there, SExtractor's XWIN_IMAGE with a
# narrow window, that stays on the brightest part of a blend.
_WINDOW = 1.0  # px, standard deviation
_MOST_MOVED = 3  # px


@dataclasses.dataclass(frozen=True)
class Detections:
    """Sky and sources of a frame.

    Attributes:
        background: (height, width, bands) float32, in the units of the frame.
        noise: (height, width, bands) float32, standard deviation of the sky's pixels.
        band: Index of the band in which sources were detected.
        objects: (number,), what `sep.extract` measured, one record for each source.
        centres: (number, 2) int, x and y of the pixel on which the brightest part of each is
            centred.
        segments: (height, width) int32, 0 for sky and row + 1 where a source is.
        sep_sources: (number,) int, sources into which SEP's deblending splits each detection; -1
            if it gave up.
    """

    background: np.ndarray
    noise: np.ndarray
    band: int
    objects: np.ndarray
    centres: np.ndarray
    segments: np.ndarray
    sep_sources: np.ndarray

    def __len__(self) -> int:
        return len(self.objects)


def detect(frame: Frame, settings: DetectionSettings | None = None) -> Detections:
    """Measures the sky and detects sources.

    Args:
        frame: The frame.
        settings: How; None for the defaults.

    Raises:
        UserError: if there is no such band, the frame is constant, nothing is detected, or SEP
            gives up.
    """
    settings = settings or DetectionSettings()
    bands = frame.pixels.shape[-1]
    band = bands // 2 if settings.band is None else settings.band
    if not 0 <= band < bands:
        raise UserError(
            f"`detection_band` must be from 0 to {bands - 1} for `frame={frame.path}`; got {band}"
        )
    skies = [_sky(frame, index, settings.background_box) for index in range(bands)]
    background, noise = (np.stack(maps, axis=-1) for maps in zip(*skies, strict=True))
    image = np.ascontiguousarray(frame.pixels[..., band] - background[..., band])
    shared = {
        "threshold": settings.threshold,
        "min_area": settings.min_area,
        "mask": frame.masked,
    }
    error = np.ascontiguousarray(noise[..., band])
    extracted = sep_baseline.extract(
        image, error, deblend_contrast=settings.deblend_contrast, segmentation_map=True, **shared
    )
    if extracted is None:
        raise UserError(
            f"`threshold` must be higher for `frame={frame.path}`: at {settings.threshold:g} "
            "times the noise more pixels are above it than SEP has room for"
        )
    objects, segments = extracted
    if len(objects) == 0:
        raise UserError(
            f"`frame={frame.path}` has no sources: no {settings.min_area} touching pixels are "
            f"above `threshold={settings.threshold:g}` times the noise, {np.median(error):.4g}"
        )
    split = sep_baseline.extract(image, error, **shared)
    return Detections(
        background,
        noise,
        band,
        objects,
        _centres(image, frame.masked, objects),
        segments,
        _parts(segments, split),
    )


def flux_error(detections: Detections, gain: float | None = None) -> np.ndarray:
    """Returns the errors of the fluxes, (number,) in the units of the frame.

        sqrt(sum over the pixels of sigma^2 + flux / gain)

    Args:
        detections: The sources.
        gain: Electrons for each unit of the frame; None for the noise of the sky alone.
    """
    variance = detections.noise[..., detections.band].astype(np.float64) ** 2
    rows = 1 + np.arange(len(detections))
    total = ndimage.sum(variance, detections.segments, rows)
    if gain is not None:
        total = total + np.maximum(detections.objects["flux"], 0) / gain
    return np.sqrt(total)


def _sky(frame: Frame, band: int, box: int) -> tuple[np.ndarray, np.ndarray]:
    plane = np.ascontiguousarray(frame.pixels[..., band])
    good = plane[~frame.masked]
    if good.min() == good.max():
        raise UserError(
            f"`frame={frame.path}` must show something; band {band} is {good[0]:g} everywhere"
        )
    sky = sep.Background(plane, mask=frame.masked, bw=box, bh=box)
    # Parts without data, set to zero, have no noise; nothing is to be detected there.
    return sky.back(), np.maximum(sky.rms(), 0.1 * sky.globalrms)


def _centres(image: np.ndarray, masked: np.ndarray, objects: np.ndarray) -> np.ndarray:
    peaks = np.stack([objects["xcpeak"], objects["ycpeak"]], axis=-1)
    x, y, _ = sep.winpos(image, *peaks.T.astype(np.float64), _WINDOW, mask=masked)
    refined = np.rint(np.stack([x, y], axis=-1))
    size = np.array(image.shape[::-1])
    moved = np.abs(refined - peaks).max(axis=-1)
    # What moves far has converged on another source.
    usable = (moved <= _MOST_MOVED) & ((refined >= 0) & (refined < size)).all(axis=-1)
    return np.where(usable[:, None], refined, peaks).astype(np.int64)


def _parts(segments: np.ndarray, split: np.ndarray | None) -> np.ndarray:
    number = int(segments.max())
    if split is None:
        return np.full(number, -1)
    inside = segments[split["ycpeak"], split["xcpeak"]]
    return np.bincount(inside, minlength=number + 1)[1:]
