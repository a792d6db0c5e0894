"""Windows of a frame, read from its files as they are needed."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from trainers.cutouts import mask_planes
from trainers.cutouts.opened_fits import OpenedFits
from trainers.errors import UserError
from trainers.frames import extensions, reading
from trainers.frames.frame_files import FrameFiles

__all__ = ["FrameWindows", "opened"]

# Names of the extensions of CPDIS and D2IM.
_DISTORTIONS = ("D2IMARR", "WCSDVARR")

# Bands whose pixels lie farther apart than this on the sky are not on one grid.
_LARGEST_SHIFT = 0.5  # px


@dataclasses.dataclass(frozen=True)
class _Plane:
    """A band, a mask or a weight: an image, or a plane of a cube.

    Attributes:
        file: The opened file.
        path: Its path.
        number: Number of the extension.
        index: Of the plane in a cube.
        bits: Sum of the values of the bits of a mask that count; None for all.
    """

    file: OpenedFits
    path: Path
    number: int
    index: tuple[int, ...]
    bits: int | None = None

    @property
    def hdu(self) -> fits.ImageHDU | fits.CompImageHDU:
        return self.file.hdus[self.number]

    @property
    def header(self) -> fits.Header:
        return self.hdu.header

    @property
    def primary(self) -> fits.Header:
        return self.file.hdus[0].header

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
        extension: Name of that of the first band for columns and files, such as "N2".
        distortions: Extensions of the tables that the coordinates depend on.
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
    extension: str
    distortions: Sequence[fits.ImageHDU]
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
            masked |= mask_planes.is_set(mask.read(window), mask.bits)
        for weight in self._weights:
            masked |= ~(weight.read(window) > 0)
        return masked


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
            for file, number in _extensions(stack, path, files.hdus)
            for plane in _planes("frame", path, file, number)
        ]
        planes = _chosen(planes, files)
        weights = [
            plane
            for path in files.weights
            for plane in _planes("weight", path, *_beside(stack, "weight", path, files.hdus))
        ]
        own = {"mask": _masks(stack, files, planes), "weight": weights}
        first = planes[0]
        for option, others in (("frame", planes), *own.items()):
            for plane in others:
                if plane.shape != first.shape:
                    raise UserError(
                        f"`{option}={plane.path}` must have the shape of `frame={first.path}`, "
                        f"{first.shape}; got {plane.shape}"
                    )
        coordinates, reasons = zip(
            *(reading.coordinates(plane.header, plane.file.hdu_list) for plane in planes),
            strict=True,
        )
        _check_places(planes, coordinates, first.shape)
        # In a mosaic the keywords of the exposure stand in the primary header.
        headers = (first.header, first.primary)
        yield FrameWindows(
            files=files,
            shape=first.shape,
            bands=len(planes),
            filters=tuple(map(_filter, planes)),
            header=first.header,
            wcs=coordinates[0],
            no_wcs=reasons[0],
            unit=reading.unit_of(headers),
            exposure=reading.exposure_of(headers),
            hdus=tuple(plane.file.label(plane.number) for plane in planes),
            extension=extensions.short_label(first.file, first.number),
            distortions=[
                hdu for hdu in first.file.hdus if hdu.name in _DISTORTIONS and coordinates[0]
            ],
            _planes=planes,
            _masks=own["mask"],
            _weights=weights,
        )


def _extensions(
    stack: contextlib.ExitStack, path: Path, hdus: Sequence[int | str]
) -> list[tuple[OpenedFits, int]]:
    """Opens a file; returns its first extension, or the first of each name."""
    file = stack.enter_context(reading.opened("frame", path))
    numbers = [extensions.image_numbers("frame", path, file, [hdu])[0] for hdu in hdus]
    return [
        (file, number) for number in numbers or extensions.image_numbers("frame", path, file)[:1]
    ]


def _beside(
    stack: contextlib.ExitStack, option: str, path: Path, hdus: Sequence[int | str]
) -> tuple[OpenedFits, int]:
    """Opens the file of a mask or weight; returns its only image, or that of a name."""
    file = stack.enter_context(reading.opened(option, path))
    numbers = extensions.image_numbers(option, path, file)
    if len(numbers) > 1 and hdus:
        numbers = extensions.image_numbers(option, path, file, hdus[:1])
    return file, numbers[0]


def _planes(option: str, path: Path, file: OpenedFits, number: int) -> list[_Plane]:
    if number in file.damage:
        raise UserError(
            f"`{option}={path}` cannot be read as FITS: extension {file.label(number)} "
            f"{file.damage[number]}"
        )
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
    return [_Plane(file, path, number, index) for index in indices]


def _masks(
    stack: contextlib.ExitStack, files: FrameFiles, planes: Sequence[_Plane]
) -> list[_Plane]:
    """Returns the masks: of their own files, or of those of the bands."""
    places = []
    for path in files.masks:
        file, number = _beside(stack, "mask", path, files.hdus)
        if files.mask_hdu is not None:
            number = extensions.mask_number(path, file, files.mask_hdu, number)
        places.append((path, file, number))
    if not files.masks and files.mask_hdu is not None:
        images = {(plane.path, plane.number): plane.file for plane in planes}
        places = [
            (path, file, extensions.mask_number(path, file, files.mask_hdu, number))
            for (path, number), file in images.items()
        ]
    masks = []
    for path, file, number in places:
        for plane in _planes("mask", path, file, number):
            masks.append(dataclasses.replace(plane, bits=_bits(plane, files.mask_bits)))
    return masks


def _bits(mask: _Plane, bits: Sequence[str] | None) -> int | None:
    """Returns the sum of the values of the bits of a mask that count; None for all."""
    try:
        return mask_planes.value_of(bits, abs(mask.header["BITPIX"]), mask.header, mask.primary)
    except mask_planes.UnknownBitError as error:
        raise UserError(
            f"`mask_bits` must be {error.allowed}, for the mask in {mask.path}; got '{error.bit}'"
        ) from None


def _chosen(planes: list[_Plane], files: FrameFiles) -> list[_Plane]:
    for band in files.bands or ():
        if not 0 <= band < len(planes):
            raise UserError(
                f"`bands` must be from 0 to {len(planes) - 1} for `frame={files.paths[0]}`; "
                f"got {band}"
            )
    return planes if files.bands is None else [planes[band] for band in files.bands]


def _check_places(
    planes: Sequence[_Plane], coordinates: Sequence[WCS | None], shape: tuple[int, int]
) -> None:
    """Raises UserError if two bands with coordinates have them not on one grid."""
    places = [(plane, wcs) for plane, wcs in zip(planes, coordinates, strict=True) if wcs]
    y, x = (np.array([0, 0, 1, 1, 0.5]) * (shape[0] - 1), np.array([0, 1, 0, 1, 0.5]) * shape[1])
    for plane, wcs in places[1:]:
        first, reference = places[0]
        if plane.path == first.path and plane.number == first.number:
            continue
        shifted = reference.world_to_pixel(wcs.pixel_to_world(x, y))
        shift = np.hypot(shifted[0] - x, shifted[1] - y).max()
        if not shift <= _LARGEST_SHIFT:
            raise UserError(
                f"`frame={plane.path}` must be on the grid of `frame={first.path}`, to "
                f"{_LARGEST_SHIFT} px; got {shift:.3g} px between them: resample it first"
            )


def _filter(plane: _Plane) -> str:
    value = plane.header.get("FILTER", plane.primary.get("FILTER", ""))
    return value.strip() if isinstance(value, str) else ""
