"""Detection of the sources of a frame with SEP, tile by tile.

What is one detection decides what a classifier of blends is asked. SExtractor's deblending answers
the same question first: of a pair that it splits, each half would come as a source of its own, and
only what it missed would ever be judged. So by default nothing is deblended: all pixels above the
threshold that touch are *one* detection, one galaxy or three, and the classifier decides. What
SEP's deblending makes of each detection, with the settings of `trainers.blends.sep_baseline`, is
counted beside it as a second opinion.

In a crowded field, or around a bright star, what touches may be larger than a stamp; the catalogue
flags it, and a higher threshold or some deblending (0.05, say) splits it.

Tiles overlap. A source belongs to the tile with the brightest pixel of the filtered image, and
the window of a tile grows until its sources are whole, and until it has the sources in whose wings
SEP would discard them. So they are the sources of the frame in one piece, unless one is longer than
the largest window: that is cut, and flagged as cut.

References:
    Barbary 2016, JOSS 1, 58; Bertin and Arnouts 1996, A&AS 117, 393.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from trainers.errors import UserError
from trainers.frames import sky_planes
from trainers.frames.extraction import Extractor, Piece
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.options import DetectionSettings
from trainers.frames.plane_file import PlaneFile
from trainers.frames.sky_planes import SkyPlanes
from trainers.frames.tiling import Tile, even_tiles

__all__ = ["Detections", "detect", "flux_error"]

# A tile with its overlap takes half a gigabyte.
_TILE, _OVERLAP = 4096, 256  # px


@dataclasses.dataclass(frozen=True)
class Detections:
    """Sky and sources of a frame.

    Attributes:
        sky: Pixels without the sky, and their noise.
        band: Index of the band in which sources were detected.
        objects: (number,), what `sep.extract` measured, one record for each source, by the row and
            then the column of its brightest pixel.
        centres: (number, 2) int, x and y of the pixel on which the brightest part of each is
            centred.
        variance: (number,), sum of the squared noise over the pixels of each.
        sep_sources: (number,) int, sources into which SEP's deblending splits each detection; -1
            if it gave up.
        at_unknown: (number,) bool, whether an unknown pixel is next to one of the source.
    """

    sky: SkyPlanes
    band: int
    objects: np.ndarray
    centres: np.ndarray
    variance: np.ndarray
    sep_sources: np.ndarray
    at_unknown: np.ndarray
    _labels: PlaneFile
    _numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def noise(self) -> float:
        """Typical noise of the band of the detection, in the units of the frame."""
        return self.sky.typical_noise[self.band]

    def segments(self, rows: slice, columns: slice) -> np.ndarray:
        """Returns which pixels are whose, (height, width): 0 for sky and row + 1 for a source.

        Args:
            rows: Rows of the frame with start and stop.
            columns: Columns likewise.
        """
        return self._numbers[self._labels.read(rows, columns)]


def detect(
    frame: FrameWindows,
    settings: DetectionSettings | None = None,
    *,
    folder: Path | None = None,
    tile: int = _TILE,
    overlap: int = _OVERLAP,
) -> Detections:
    """Measures the sky and detects sources.

    Args:
        frame: The frame.
        settings: How; None for the defaults.
        folder: Folder for temporary files, 12 bytes a pixel and eight for each further band;
            None for the usual one.
        tile: Largest side of the tiles, px.
        overlap: Pixels beyond a tile that its window has at first.

    Raises:
        UserError: if there is no such band, the frame is constant or unknown, nothing is detected,
            or SEP gives up.
    """
    settings = settings or DetectionSettings()
    band = frame.bands // 2 if settings.band is None else settings.band
    if not 0 <= band < frame.bands:
        raise UserError(
            f"`detection_band` must be from 0 to {frame.bands - 1} for `frame={frame.path}`; "
            f"got {band}"
        )
    sky = sky_planes.measure(frame, settings.background_box, folder)
    extractor = Extractor(sky, band, settings, frame.path)
    labels = PlaneFile(frame.shape, np.int32, folder)
    tiles = even_tiles(frame.shape, tile, overlap)
    pieces, total = [], 0
    for part in tiles:
        piece, segments = extractor.whole(part)
        pieces.append(piece.marked(labels, segments, total))
        total += len(piece.objects)
    for number, wider in _wider(tiles, pieces):
        pieces[number].unmark(labels)
        piece, segments = extractor.whole(wider)
        pieces[number] = piece.marked(labels, segments, total)
        total += len(piece.objects)
    objects = np.concatenate([piece.objects for piece in pieces])
    if len(objects) == 0:
        raise UserError(
            f"`frame={frame.path}` has no sources: no {settings.min_area} touching pixels are "
            f"above `threshold={settings.threshold:g}` times the noise, "
            f"{sky.typical_noise[band]:.4g}"
        )
    # As if by one scan of the frame, whatever the tiles.
    order = np.lexsort([objects["xcpeak"], objects["ycpeak"]])
    numbers = np.zeros(total + 1, np.int32)
    numbers[np.concatenate([piece.labels for piece in pieces])[order]] = 1 + np.arange(len(order))
    return Detections(
        sky,
        band,
        objects[order],
        *(
            np.concatenate([getattr(piece, name) for piece in pieces])[order]
            for name in ("centres", "variance", "sep_sources", "at_unknown")
        ),
        _labels=labels,
        _numbers=numbers,
    )


def flux_error(detections: Detections, gain: float | None = None) -> np.ndarray:
    """Returns the errors of the fluxes, (number,) in the units of the frame.

        sqrt(sum over the pixels of sigma^2 + flux / gain)

    Args:
        detections: The sources.
        gain: Electrons for each unit of the frame; None for the noise of the sky alone.
    """
    total = detections.variance
    if gain is not None:
        total = total + np.maximum(detections.objects["flux"], 0) / gain
    return np.sqrt(total)


def _wider(tiles: list[Tile], pieces: list[Piece]) -> list[tuple[int, Tile]]:
    """Returns the tiles, by number, that must see sources of others whole."""
    objects = np.concatenate([piece.objects for piece in pieces])
    result = []
    for number, (tile, piece) in enumerate(zip(tiles, pieces, strict=True)):
        window = piece.reaching(objects, tile.inner)
        if window != piece.window:
            result.append((number, dataclasses.replace(tile, window=window)))
    return result
