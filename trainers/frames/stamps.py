"""Stamps of the detections of a frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from trainers.frames.detection import Detections
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import StampSettings

__all__ = ["FLAGS", "UNSURE", "StampCutter", "Stamps"]

# Above those of SEP, which end at 128.
_CUT, _EDGE, _MASKED, _NEIGHBOUR, _LARGE, _AT_UNKNOWN = 2, 256, 512, 1024, 2048, 4096

FLAGS = {
    1: "parted from others by SEP's deblending",
    _CUT: "cut by the edge of the frame",
    4: "deblending overflowed",
    8: "degenerate shape",
    _EDGE: "stamp reaches over the edge of the frame",
    _MASKED: "masked or NaN pixels in the stamp",
    _NEIGHBOUR: "other detections in the stamp",
    _LARGE: "detection larger than the stamp",
    _AT_UNKNOWN: "masked or NaN pixels in or next to the detection",
}
"""Meaning of the bits of `flags`; the first four are SEP's."""

UNSURE = _CUT | _LARGE
"""Flags of detections that are not whole in their stamps: what is said of them is worth little."""

# Around the pixels of another detection its light goes on below the threshold.
_MARGIN = 3  # px

# Pixels of the part of the frame from which stamps are cut.
_AT_ONCE = 2**22


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


@dataclasses.dataclass(frozen=True)
class _Part:
    """A part of a frame, with what is beyond its edges.

    Attributes:
        first: Row and column at which it begins; may be negative.
        pixels: (height, width, bands), NaN where unknown and beyond the frame.
        noise: (height, width, bands); beyond the edges as at the edge.
        sky: (height, width, bands), which the pixels have; None if they are without it.
        segments: (height, width).
        inside: (height, width) bool, whether a pixel belongs to the frame.
    """

    first: tuple[int, int]
    pixels: np.ndarray
    noise: np.ndarray
    sky: np.ndarray | None
    segments: np.ndarray
    inside: np.ndarray


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

    def __init__(self, frame: FrameWindows, detections: Detections, settings: StampSettings):
        self.settings = settings
        self.detections = detections
        self._frame = frame

    def __len__(self) -> int:
        return len(self.detections)

    def cut(self, rows: Sequence[int]) -> Stamps:
        """Cuts the stamps of some detections.

        Args:
            rows: Their numbers, counted from 0; neighbours after each other are faster.
        """
        pieces = self._cut_all([int(row) for row in rows])
        return Stamps(*(np.array(values) for values in zip(*pieces, strict=True)))

    def _cut_all(self, rows: list[int]) -> list[tuple[np.ndarray, np.ndarray, float, int, int]]:
        size = self.settings.size
        first = self.detections.centres[rows][:, ::-1] - size // 2
        start, stop = first.min(axis=0), first.max(axis=0) + size
        if len(rows) > 1 and np.prod(stop - start) > max(_AT_ONCE, len(rows) * size**2):
            half = len(rows) // 2
            return self._cut_all(rows[:half]) + self._cut_all(rows[half:])
        part = self._part(slice(*map(int, (start[0], stop[0]))), slice(int(start[1]), int(stop[1])))
        return [self._cut(part, row, place) for row, place in zip(rows, first - start, strict=True)]

    def _part(self, rows: slice, columns: slice) -> _Part:
        wanted, sky = (rows, columns), self.detections.sky
        inner = [
            slice(max(0, each.start), min(length, each.stop))
            for each, length in zip(wanted, sky.shape, strict=True)
        ]
        around = [
            (have.start - want.start, want.stop - have.stop)
            for want, have in zip(wanted, inner, strict=True)
        ]
        inside = np.ones([each.stop - each.start for each in inner], bool)
        pixels = np.stack([plane.read(*inner) for plane in sky.flux], axis=-1)
        noise = np.stack([plane.read(*inner) for plane in sky.noise], axis=-1)
        back = None
        if self.settings.keep_background:
            without, pixels = pixels, self._frame.read(*inner)
            back = np.pad(pixels - without, (*around, (0, 0)), constant_values=np.nan)
        return _Part(
            (rows.start, columns.start),
            np.pad(pixels, (*around, (0, 0)), constant_values=np.nan),
            np.pad(noise, (*around, (0, 0)), mode="edge"),
            back,
            np.pad(self.detections.segments(*inner), around),
            np.pad(inside, around),
        )

    def _cut(
        self, part: _Part, row: int, place: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float, int, int]:
        size = self.settings.size
        window = tuple(slice(start, start + size) for start in place.tolist())
        segments, inside = part.segments[window], part.inside[window]
        pixels = part.pixels[window]
        unknown = np.isnan(pixels).any(axis=-1)
        own = segments == row + 1
        others = (segments > 0) & ~own
        replaced = unknown.copy()
        if self.settings.neighbours == "remove" and others.any():
            replaced |= ndimage.binary_dilation(others, iterations=_MARGIN) & ~own
        # Of the place in the frame, whatever else is cut.
        random = np.random.default_rng([self.settings.seed, *self.detections.centres[row].tolist()])
        fill = part.noise[window] * random.standard_normal(pixels.shape, np.float32)
        if part.sky is not None:
            sky = part.sky[window]
            # Beyond the edge and under a mask, that of the rest of the stamp.
            fill += np.where(np.isnan(sky), np.nanmedian(sky, axis=(0, 1)), sky)
        image = self.settings.scale * np.where(replaced[..., None], fill, pixels)
        flags = (
            int(self.detections.objects["flag"][row])
            | _EDGE * (not inside.all())
            | _MASKED * bool((inside & unknown).any())
            | _NEIGHBOUR * bool(others.any())
            | _LARGE * bool(own.sum() < self.detections.objects["npix"][row])
            | _AT_UNKNOWN * bool(self.detections.at_unknown[row])
        )
        neighbours = len(np.unique(segments[others]))
        return image.astype(np.float32), own, float(replaced.mean()), neighbours, flags
