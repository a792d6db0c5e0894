"""Stamps of the detections of a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from trainers.frames.detection import Detections
from trainers.frames.options import StampSettings
from trainers.frames.reading import Frame

__all__ = ["FLAGS", "UNSURE", "StampCutter", "Stamps"]

# Above those of SEP, which end at 128.
_CUT, _EDGE, _MASKED, _NEIGHBOUR, _LARGE = 2, 256, 512, 1024, 2048

FLAGS = {
    1: "parted from others by SEP's deblending",
    _CUT: "cut by the edge of the frame",
    4: "deblending overflowed",
    8: "degenerate shape",
    _EDGE: "stamp reaches over the edge of the frame",
    _MASKED: "masked or NaN pixels in the stamp",
    _NEIGHBOUR: "other detections in the stamp",
    _LARGE: "detection larger than the stamp",
}
"""Meaning of the bits of `flags`; the first four are SEP's."""

UNSURE = _CUT | _LARGE
"""Flags of detections that are not whole in their stamps: what is said of them is worth little."""

# Around the pixels of another detection its light goes on below the threshold.
_MARGIN = 3  # px


@dataclasses.dataclass(frozen=True)
class Stamps:
    """Some of the stamps.

    Attributes:
        images: (number, size, size, bands) float32, finite.
        footprints: (number, size, size) bool, the pixels of the detection itself.
        filled: (number,) share of the pixels that are noise in place of something unknown.
        neighbours: (number,) int, other detections that reach into the stamp.
        flags: (number,) int, see `FLAGS`.
    """

    images: np.ndarray
    footprints: np.ndarray
    filled: np.ndarray
    neighbours: np.ndarray
    flags: np.ndarray


class StampCutter:
    """Cuts stamps from a frame.

    The centre of the brightest part of the detection is at (size // 2, size // 2). In training
    stamps one source of a blend is in the centre, too, not the centre of light of both, for which
    networks miss most of the close blends. Which of the two is in the centre they do not see
    here: it is always the brighter one.

    The sky is subtracted. Pixels without data, beyond the frame's edge and under a mask,
    become sky with Gaussian noise of the level there: a mirror image would show each source near
    an edge twice, and zeros would be a sky without noise. The same becomes of the pixels of other
    detections, unless they are kept: training stamps have nothing in them but the sources in
    question, and a galaxy that SEP separates by itself needs no classifier.

    Args:
        frame: The frame.
        detections: What is in it.
        settings: How to cut, with a size and a scale.
    """

    def __init__(self, frame: Frame, detections: Detections, settings: StampSettings):
        self.settings = settings
        self.detections = detections
        size, scale = settings.size, settings.scale
        random = np.random.default_rng(settings.seed)
        pixels, background = frame.pixels, detections.background
        fill = detections.noise * random.standard_normal(pixels.shape, np.float32)
        if settings.keep_background:
            fill += background
        else:
            pixels = pixels - background
        # Beyond the edge sky and noise go on with what they are at the edge.
        outside = ((size, size), (size, size), (0, 0))
        self._valid = np.pad(~frame.masked, size)
        self._inside = np.pad(np.ones(frame.masked.shape, bool), size)
        self._pixels = np.pad(scale * pixels, outside)
        self._fill = np.pad(scale * fill, outside, mode="reflect")
        self._segments = np.pad(detections.segments, size)

    def __len__(self) -> int:
        return len(self.detections)

    def cut(self, rows: Sequence[int]) -> Stamps:
        """Cuts the stamps of some detections.

        Args:
            rows: Their numbers, counted from 0.
        """
        pieces = [self._cut(int(row)) for row in rows]
        return Stamps(*(np.array(values) for values in zip(*pieces, strict=True)))

    def _cut(self, row: int) -> tuple[np.ndarray, np.ndarray, float, int, int]:
        size = self.settings.size
        measured = self.detections.objects[row]
        first = self.detections.centres[row][::-1] + size - size // 2
        window = tuple(slice(start, start + size) for start in first.tolist())
        segments, valid = self._segments[window], self._valid[window]
        inside = self._inside[window]
        own = segments == row + 1
        others = (segments > 0) & ~own
        replaced = ~valid
        if self.settings.neighbours == "remove" and others.any():
            replaced |= ndimage.binary_dilation(others, iterations=_MARGIN) & ~own
        image = np.where(replaced[..., None], self._fill[window], self._pixels[window])
        flags = (
            int(measured["flag"])
            | _EDGE * (not inside.all())
            | _MASKED * bool((inside & ~valid).any())
            | _NEIGHBOUR * bool(others.any())
            | _LARGE * bool(own.sum() < measured["npix"])
        )
        return image, own, replaced.mean(), len(np.unique(segments[others])), flags
