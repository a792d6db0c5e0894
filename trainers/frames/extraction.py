"""Sources of one tile of a frame, with SEP."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sep
from scipy import ndimage

from trainers.blends import sep_baseline
from trainers.errors import UserError
from trainers.frames.options import DetectionSettings
from trainers.frames.plane_file import PlaneFile
from trainers.frames.sky_planes import SkyPlanes
from trainers.frames.tiling import Tile

__all__ = ["Extractor", "Piece"]

# The brightest pixel is a poor centre of a faint source: from there, SExtractor's XWIN_IMAGE with a
# narrow window, that stays on the brightest part of a blend.
_WINDOW = 1.0  # px, standard deviation
_MOST_MOVED = 3  # px

# The filter of the detection, 3 x 3 px, does not know what is beyond the window.
_BORDER = 2  # px

# Side of the largest window: a gigabyte and a half.
_LARGEST = 8192  # px

# SEP discards what does not stand out of the wings of a brighter source, within this many times
# the sum of their semi-major axes (CLEAN_ZONE of its `extract.c`).
_WINGS = 10

_EVERY_NEIGHBOUR = np.ones((3, 3), bool)
_ALONG = {
    "x": ("x", "xmin", "xmax", "xpeak", "xcpeak"),
    "y": ("y", "ymin", "ymax", "ypeak", "ycpeak"),
}


@dataclasses.dataclass(frozen=True)
class Piece:
    """Sources of a tile.

    Attributes:
        window: Rows and columns in which they were detected.
        shape: (height, width) of the frame.
        objects: Records of SEP, in pixels of the frame.
        centres: (number, 2) int, x and y of the centre of the brightest part.
        variance: (number,), sum of the squared noise over the pixels.
        sep_sources: (number,), sources into which SEP's deblending splits each; -1 if it gave up.
        at_unknown: (number,) bool, whether an unknown pixel is next to one of the source.
        before: Labels in use before those of these sources, which follow.
    """

    window: tuple[slice, slice]
    shape: tuple[int, int]
    objects: np.ndarray
    centres: np.ndarray
    variance: np.ndarray
    sep_sources: np.ndarray
    at_unknown: np.ndarray
    before: int = 0

    @property
    def labels(self) -> np.ndarray:
        """(number,), labels of the sources in the plane of labels."""
        return self.before + 1 + np.arange(len(self.objects))

    def marked(self, plane: PlaneFile, segments: np.ndarray, before: int) -> Piece:
        """Writes the labels of the sources into their pixels; returns the piece with them.

        Args:
            plane: The labels, 0 where no source is.
            segments: (height, width) of the window, row + 1 of each source.
            before: Labels that are in use.
        """
        labels = np.where(segments > 0, segments + before, plane.read(*self.window))
        plane.write(*self.window, labels)
        return dataclasses.replace(self, before=before)

    def unmark(self, plane: PlaneFile) -> None:
        """Takes the labels of the sources out of the plane."""
        old = plane.read(*self.window)
        plane.write(*self.window, np.where(np.isin(old, self.labels), 0, old))

    def reaching(self, objects: np.ndarray, inner: tuple[slice, slice]) -> tuple[slice, slice]:
        """Returns the window with all sources whole whose wings reach into the tile.

        Args:
            objects: The sources of the frame.
            inner: Rows and columns of the tile.
        """
        beyond = [
            np.maximum(np.maximum(part.start - objects[axis], objects[axis] - part.stop), 0)
            for axis, part in zip("yx", inner, strict=True)
        ]
        # The largest of the sources here that each is brighter than.
        order = np.argsort(self.objects["cflux"])
        largest = np.maximum.accumulate(np.append(0, self.objects["a"][order]))
        fainter = np.searchsorted(self.objects["cflux"][order], objects["cflux"])
        reach = np.where(fainter > 0, _WINGS * (objects["a"] + largest[fainter]), 0)
        near = objects[np.hypot(*beyond) < reach]
        window = self.window
        for source in near[np.argsort(-near["cflux"])]:
            wider = tuple(
                slice(
                    min(part.start, max(0, source[f"{axis}min"] - _BORDER - 1)),
                    max(part.stop, min(length, source[f"{axis}max"] + _BORDER + 2)),
                )
                for axis, part, length in zip("yx", window, self.shape, strict=True)
            )
            window = _limited(wider, window)
        return window


class Extractor:
    """Detects the sources of tiles.

    Args:
        sky: The frame without its sky.
        band: Index of the band of the detection.
        settings: The settings.
        path: File of the frame, for errors.
    """

    def __init__(self, sky: SkyPlanes, band: int, settings: DetectionSettings, path: Path):
        self.shape, self.settings, self.path = sky.shape, settings, path
        self._flux, self._noise = sky.flux[band], sky.noise[band]

    def whole(self, tile: Tile) -> tuple[Piece, np.ndarray]:
        """Returns the sources of a tile, in a window that grows until they are whole.

        Returns:
            The sources, and the pixels of each in the window: row + 1.

        Raises:
            UserError: if SEP gives up.
        """
        window = tile.window
        while True:
            piece, segments, is_cut = self._piece(window, tile.inner)
            larger = self._larger(window)
            if not is_cut or larger == window:
                return piece, segments
            window = larger

    def _larger(self, window: tuple[slice, slice]) -> tuple[slice, slice]:
        grown = []
        for part, length in zip(window, self.shape, strict=True):
            more = (part.stop - part.start) // 2
            grown.append(slice(max(0, part.start - more), min(length, part.stop + more)))
        return _limited(grown, window)

    def _piece(
        self, window: tuple[slice, slice], inner: tuple[slice, slice]
    ) -> tuple[Piece, np.ndarray, bool]:
        """Returns the sources as a window shows them, their pixels, and whether one may be cut."""
        image, noise = self._flux.read(*window), self._noise.read(*window)
        unknown = np.isnan(image)
        image[unknown] = 0
        shared = {
            "threshold": self.settings.threshold,
            "min_area": self.settings.min_area,
            "mask": unknown,
        }
        extracted = sep_baseline.extract(
            image,
            noise,
            deblend_contrast=self.settings.deblend_contrast,
            segmentation_map=True,
            **shared,
        )
        if extracted is None:
            raise UserError(
                f"`threshold` must be higher for `frame={self.path}`: at "
                f"{self.settings.threshold:g} times the noise more pixels are above it than SEP "
                "has room for"
            )
        objects, segments = extracted
        first = {"y": window[0].start, "x": window[1].start}
        own = np.ones(len(objects), bool)
        for axis, part in zip("yx", inner, strict=True):
            peak = objects[f"{axis}cpeak"] + first[axis]
            own &= (part.start <= peak) & (peak < part.stop)
        is_cut = bool((own & self._at_border(objects, segments, window)).any())

        numbers = np.concatenate([[0], np.where(own, np.cumsum(own), 0)]).astype(np.int32)
        segments, objects = numbers[segments], objects[own]
        number = len(objects)
        rows = 1 + np.arange(number)
        inside = segments > 0
        weights = np.square(noise[inside], dtype=np.float64)
        variance = np.bincount(segments[inside], weights, minlength=number + 1)[rows]
        near = ndimage.binary_dilation(unknown, _EVERY_NEIGHBOUR) if unknown.any() else unknown
        split = sep_baseline.extract(image, noise, **shared) if number else None
        centres = _centres(image, unknown, objects) if number else np.zeros((0, 2), np.int64)
        for axis, names in _ALONG.items():
            for name in names:
                objects[name] += first[axis]
        piece = Piece(
            window,
            self.shape,
            objects,
            centres + np.array([first["x"], first["y"]]),
            variance,
            _parts(segments, split, number),
            np.isin(rows, segments[near]),
        )
        return piece, segments, is_cut

    def _at_border(
        self, objects: np.ndarray, segments: np.ndarray, window: tuple[slice, slice]
    ) -> np.ndarray:
        """Returns which sources, or what touches them, may go on beyond the window."""
        at = np.zeros(len(objects), bool)
        border = np.zeros(segments.shape, bool)
        for axis, part, length, lines in zip(
            "yx", window, self.shape, (border, border.T), strict=True
        ):
            side = part.stop - part.start
            if part.start > 0:
                at |= objects[f"{axis}min"] < _BORDER
                lines[:_BORDER] = True
            if part.stop < length:
                at |= objects[f"{axis}max"] >= side - _BORDER
                lines[-_BORDER:] = True
        if self.settings.deblend_contrast < 1 and at.any():
            # Parts of a source that is cut may be whole, but are not those of the whole source.
            connected, _ = ndimage.label(segments > 0, _EVERY_NEIGHBOUR)
            touching = np.unique(connected[border & (segments > 0)])
            at |= np.isin(connected[objects["ypeak"], objects["xpeak"]], touching)
        return at


def _limited(window: Sequence[slice], otherwise: tuple[slice, slice]) -> tuple[slice, slice]:
    """Returns a window; another one along axes in which it is larger than the largest."""
    rows, columns = (
        part if part.stop - part.start <= _LARGEST else other
        for part, other in zip(window, otherwise, strict=True)
    )
    return rows, columns


def _centres(image: np.ndarray, masked: np.ndarray, objects: np.ndarray) -> np.ndarray:
    peaks = np.stack([objects["xcpeak"], objects["ycpeak"]], axis=-1)
    x, y, _ = sep.winpos(image, *peaks.T.astype(np.float64), _WINDOW, mask=masked)
    refined = np.rint(np.stack([x, y], axis=-1))
    size = np.array(image.shape[::-1])
    moved = np.abs(refined - peaks).max(axis=-1)
    # What moves far has converged on another source.
    usable = (moved <= _MOST_MOVED) & ((refined >= 0) & (refined < size)).all(axis=-1)
    return np.where(usable[:, None], refined, peaks).astype(np.int64)


def _parts(segments: np.ndarray, split: np.ndarray | None, number: int) -> np.ndarray:
    if split is None:
        return np.full(number, -1)
    inside = segments[split["ycpeak"], split["xcpeak"]]
    return np.bincount(inside, minlength=number + 1)[1:]
