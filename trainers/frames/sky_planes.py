"""Pixels of a frame without its sky, and their noise, measured by SEP on the whole frame."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import sep

from trainers.errors import UserError
from trainers.frames.frame_windows import FrameWindows
from trainers.frames.plane_file import PlaneFile, strips

__all__ = ["SkyPlanes", "measure"]

# Smallest noise, as a share of that of the frame: parts without data, set to zero, have none, and
# nothing is to be detected there.
_FLOOR = 0.1

# Pixels of the noise of which the median is taken.
_SAMPLE = 2**22


@dataclasses.dataclass(frozen=True)
class SkyPlanes:
    """Pixels without the sky, and their noise, on the disk.

    Attributes:
        flux: Of each band, pixels less the sky, in the units of the frame; NaN where unknown.
        noise: Of each band, standard deviation of the sky in a pixel.
        typical_noise: Of each band, the median of the noise.
        unknown: Share of the pixels that are unknown.
    """

    flux: tuple[PlaneFile, ...]
    noise: tuple[PlaneFile, ...]
    typical_noise: tuple[float, ...]
    unknown: float

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.flux[0].shape


def measure(frame: FrameWindows, box: int, folder: Path | None = None) -> SkyPlanes:
    """Measures the sky of each band on the whole frame, one band in memory at a time.

    Args:
        frame: The frame.
        box: Side of the boxes of the mesh, px.
        folder: Folder for the planes; None for that of temporary files.

    Raises:
        UserError: if no pixel is known, or a band is constant.

    References:
        Barbary 2016, JOSS 1, 58; Bertin and Arnouts 1996, A&AS 117, 393.
    """
    unknown = np.empty(frame.shape, bool)
    for strip in strips(frame.shape):
        unknown[strip] = frame.unknown(*strip)
    if unknown.all():
        raise UserError(
            f"`frame={frame.path}` must have finite pixels that are not masked; all "
            f"{unknown.size} of extension {frame.hdus[0]} are NaN, infinite or masked"
        )
    flux, noise, typical = zip(
        *(_band(frame, band, unknown, box, folder) for band in range(frame.bands)), strict=True
    )
    return SkyPlanes(flux, noise, typical, float(unknown.mean()))


def _band(
    frame: FrameWindows, band: int, unknown: np.ndarray, box: int, folder: Path | None
) -> tuple[PlaneFile, PlaneFile, float]:
    plane = np.empty(frame.shape, np.float32)
    low, high = np.inf, -np.inf
    for strip in strips(frame.shape):
        values = frame.band(band, *strip)
        known = values[~unknown[strip]]
        low, high = min(low, known.min(initial=np.inf)), max(high, known.max(initial=-np.inf))
        plane[strip] = np.where(unknown[strip], 0, values)
    if low == high:
        raise UserError(
            f"`frame={frame.path}` must show something; band {band} is {low:g} everywhere"
        )
    sky = sep.Background(plane, mask=unknown, bw=box, bh=box)
    sky.subfrom(plane)
    plane[unknown] = np.nan
    flux = _stored(plane, folder)
    del plane  # Before the noise needs as much.
    rms = sky.rms()
    np.maximum(rms, _FLOOR * sky.globalrms, out=rms)
    step = int(np.ceil(np.sqrt(rms.size / _SAMPLE)))
    return flux, _stored(rms, folder), float(np.median(rms[::step, ::step]))


def _stored(values: np.ndarray, folder: Path | None) -> PlaneFile:
    plane = PlaneFile(values.shape, np.float32, folder)
    for strip in strips(values.shape):
        plane.write(*strip, values[strip])
    return plane
