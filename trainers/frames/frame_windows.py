"""Windows of a frame, read from its files as they are needed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from trainers.cutouts.cutout import UnreadableError
from trainers.cutouts.opened_fits import OpenedFits
from trainers.errors import UserError
from trainers.frames import reading
from trainers.options.frame_source import FrameSource

__all__ = ["FrameFiles", "FrameWindows", "files_of", "opened"]

# Bands whose pixels lie farther apart than this on the sky are not on one grid.
_LARGEST_SHIFT = 0.5  # px


@dataclasses.dataclass(frozen=True)
class FrameFiles:
    """Files of a frame.

    Attributes:
        paths: One file with all bands, or one for each band.
        hdus: Numbers or names of the extensions in each, each with one or more bands; empty for
            the first with an image.
        bands: Planes that are read, counted from 0 over all files and extensions; None for all.
        masks: Files in which pixels other than zero are masked.
        weights: Files in which pixels of no positive weight are masked.
    """

    paths: tuple[Path, ...]
    hdus: tuple[int | str, ...] = ()
    bands: tuple[int, ...] | None = None
    masks: tuple[Path, ...] = ()
    weights: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """Name of the only file, or what the names of all begin with, else all names."""
        names = [reading.name_of(path) for path in self.paths]
        start = os.path.commonprefix(names)  # noqa: RUF071 (of characters, not of folders)
        return start.strip("_-. ") or "_".join(names)

    def listed(self) -> list[dict[str, Any]]:
        """Returns path, size and time of change of each file, fit for JSON."""
        files = [*self.paths, *self.masks, *self.weights]
        stats = [(path, path.stat()) for path in files]
        return [
            {"path": str(path.absolute()), "bytes": stat.st_size, "changed": stat.st_mtime_ns}
            for path, stat in stats
        ]


@dataclasses.dataclass(frozen=True)
class _Plane:
    """A band, a mask or a weight: an image, or a plane of a cube."""

    path: Path
    hdu: fits.ImageHDU | fits.CompImageHDU
    index: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int]:
        return tuple(self.hdu.shape[-2:])

    def read(self, window: tuple[slice, slice]) -> np.ndarray:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(self.hdu.section[(*self.index, *window)])
        except Exception as error:  # Astropy raises anything for damaged data.
            raise UserError(f"`frame={self.path}` cannot be read as FITS: {error}") from None


@dataclasses.dataclass(frozen=True)
class FrameWindows:
    """An image of the sky of which parts are read.

    Attributes:
        files: The files.
        shape: (height, width).
        bands: Number of bands.
        filters: What FILTER says of each band; empty where it says nothing.
        header: Of the first band.
        wcs: Celestial coordinates of the pixels, or None.
        no_wcs: Why there are no coordinates; empty if there are.
        unit: What BUNIT of the first band says; may be empty.
        exposure: Some keywords of the exposure, for catalogues.
        hdus: Number and name of the extension of each band, such as "1 (N2)".
    """

    files: FrameFiles
    shape: tuple[int, int]
    bands: int
    filters: tuple[str, ...]
    header: fits.Header
    wcs: WCS | None
    no_wcs: str
    unit: str
    exposure: dict[str, Any]
    hdus: tuple[str, ...]
    _planes: Sequence[_Plane]
    _masks: Sequence[_Plane]
    _weights: Sequence[_Plane]

    @property
    def name(self) -> str:
        """Name of the frame, see `FrameFiles.name`."""
        return self.files.name

    @property
    def path(self) -> Path:
        """The file, or the first one."""
        return self.files.paths[0]

    @property
    def pixel_scale(self) -> float | None:
        """Side of a pixel in arcsec, or None."""
        if self.wcs is None:
            return None
        return float(3600 * np.mean(proj_plane_pixel_scales(self.wcs)))

    def read(self, rows: slice, columns: slice) -> np.ndarray:
        """Returns pixels, (height, width, bands) float32 in the units of the files.

        A pixel that is not finite in one band, or that a mask or a weight leaves out, is NaN in
        all of them.

        Args:
            rows: Rows of the frame.
            columns: Columns of the frame.
        """
        pixels = np.stack([self.band(n, rows, columns) for n in range(self.bands)], axis=-1)
        pixels[self._masked((rows, columns)) | ~np.isfinite(pixels).all(axis=-1)] = np.nan
        return pixels

    def band(self, number: int, rows: slice, columns: slice) -> np.ndarray:
        """Returns the pixels of a band, (height, width) float32, as they are in its file.

        Args:
            number: The band, counted from 0.
            rows: Rows of the frame.
            columns: Columns of the frame.
        """
        return self._planes[number].read((rows, columns)).astype(np.float32)

    def unknown(self, rows: slice, columns: slice) -> np.ndarray:
        """Returns which pixels `read` gives as NaN, (height, width) bool.

        Args:
            rows: Rows of the frame.
            columns: Columns of the frame.
        """
        unknown = self._masked((rows, columns))
        for number in range(self.bands):
            unknown |= ~np.isfinite(self.band(number, rows, columns))
        return unknown

    def sky(self, x: np.ndarray, y: np.ndarray) -> SkyCoord | None:
        """Returns the coordinates (ICRS) of positions in pixels, counted from 0; None without any.

        Args:
            x: (number,), along the rows.
            y: (number,).
        """
        return None if self.wcs is None else self.wcs.pixel_to_world(x, y).icrs

    def _masked(self, window: tuple[slice, slice]) -> np.ndarray:
        masked = np.zeros([part.stop - part.start for part in window], bool)
        # A NaN is no positive weight, and no zero of a mask.
        for mask in self._masks:
            masked |= ~(mask.read(window) == 0)
        for weight in self._weights:
            masked |= ~(weight.read(window) > 0)
        return masked


def files_of(options: FrameSource) -> list[FrameFiles]:
    """Returns the files of each frame that options name."""
    bands = None if options.bands is None else tuple(options.bands)
    masks, weights = tuple(options.mask or ()), tuple(options.weight or ())
    if options.files == "bands":
        return [FrameFiles(tuple(options.frame), options.hdus, bands, masks, weights)]
    return [
        FrameFiles(
            (path,), options.hdus, bands, masks[place : place + 1], weights[place : place + 1]
        )
        for place, path in enumerate(options.frame)
    ]


@contextlib.contextmanager
def opened(files: FrameFiles) -> Iterator[FrameWindows]:
    """Opens the files of a frame.

    What gzip and bzip2 have packed is unpacked in memory; of others windows alone are read.

    Raises:
        UserError: if a file is missing, is not FITS, has no such extension or band, or the bands,
            masks and weights have not one shape and one place on the sky.
    """
    with contextlib.ExitStack() as stack:
        planes = [
            plane
            for path in files.paths
            for hdu in files.hdus or (None,)
            for plane in _planes(stack, "frame", path, hdu)
        ]
        planes = _chosen(planes, files)
        own = {
            option: [
                plane
                for path in paths
                for plane in _planes(stack, option, path, next(iter(files.hdus), None))
            ]
            for option, paths in (("mask", files.masks), ("weight", files.weights))
        }
        first = planes[0][0]
        for option, others in (("frame", planes), *own.items()):
            for plane, *_ in others:
                if plane.shape != first.shape:
                    raise UserError(
                        f"`{option}={plane.path}` must have the shape of `frame={first.path}`, "
                        f"{first.shape}; got {plane.shape}"
                    )
        headers = [plane.hdu.header for plane, *_ in planes]
        primary = planes[0][1][0].header
        coordinates, reasons = zip(
            *(reading.coordinates(plane.hdu.header, file) for plane, file, _ in planes),
            strict=True,
        )
        _check_places(planes, coordinates, first.shape)
        yield FrameWindows(
            files=files,
            shape=first.shape,
            bands=len(planes),
            filters=tuple(_filter(plane.hdu, file[0].header) for plane, file, _ in planes),
            header=headers[0],
            wcs=coordinates[0],
            no_wcs=reasons[0],
            # In a mosaic the keywords of the exposure stand in the primary header.
            unit=reading.unit_of((headers[0], primary)),
            exposure=reading.exposure_of((headers[0], primary)),
            hdus=tuple(label for *_, label in planes),
            _planes=[plane for plane, *_ in planes],
            _masks=[plane for plane, *_ in own["mask"]],
            _weights=[plane for plane, *_ in own["weight"]],
        )


_Described = tuple[_Plane, fits.HDUList, str]


def _planes(
    stack: contextlib.ExitStack, option: str, path: Path, hdu: int | str | None
) -> list[_Described]:
    if not path.is_file():
        raise UserError(f"`{option}={path}` must be a FITS file; there is no such file")
    try:
        file = stack.enter_context(OpenedFits(path))
        number = reading.image_number(option, path, file, hdu)
        if number in file.damage:
            raise UnreadableError(f"extension {file.label(number)} {file.damage[number]}")
    except UserError:
        raise
    except Exception as error:  # Astropy raises anything for a broken file.
        raise UserError(f"`{option}={path}` cannot be read as FITS: {error}") from None
    image = file.hdus[number]
    before = list(image.shape[:-2])
    while len(before) > 1 and before[0] == 1:
        before.pop(0)
    if len(before) > 1:
        raise UserError(
            f"`{option}={path}` must be an image or a cube of bands; got shape {image.shape}"
        )
    leading = (0,) * (len(image.shape) - 2 - len(before))
    indices = [(*leading, plane) for plane in range(before[0])] if before else [leading]
    label = file.label(number)
    return [(_Plane(path, image, index), file.hdu_list, label) for index in indices]


def _chosen(planes: list[_Described], files: FrameFiles) -> list[_Described]:
    for band in files.bands or ():
        if not 0 <= band < len(planes):
            raise UserError(
                f"`bands` must be from 0 to {len(planes) - 1} for `frame={files.paths[0]}`; "
                f"got {band}"
            )
    return planes if files.bands is None else [planes[band] for band in files.bands]


def _check_places(
    planes: Sequence[_Described], coordinates: Sequence[WCS | None], shape: tuple[int, int]
) -> None:
    """Raises UserError if two bands with coordinates have them not on one grid."""
    places = [(plane, wcs) for (plane, *_), wcs in zip(planes, coordinates, strict=True) if wcs]
    y, x = (np.array([0, 0, 1, 1, 0.5]) * (shape[0] - 1), np.array([0, 1, 0, 1, 0.5]) * shape[1])
    for plane, wcs in places[1:]:
        first, reference = places[0]
        if plane.hdu is first.hdu:
            continue
        shifted = reference.world_to_pixel(wcs.pixel_to_world(x, y))
        shift = np.hypot(shifted[0] - x, shifted[1] - y).max()
        if not shift <= _LARGEST_SHIFT:
            raise UserError(
                f"`frame={plane.path}` must be on the grid of `frame={first.path}`, to "
                f"{_LARGEST_SHIFT} px; got {shift:.3g} px between them: resample it first"
            )


def _filter(hdu: fits.ImageHDU | fits.CompImageHDU, primary: fits.Header) -> str:
    value = hdu.header.get("FILTER", primary.get("FILTER", ""))
    return value.strip() if isinstance(value, str) else ""
