"""Stamps cut from SDSS frames around the objects of a CasJobs table."""

from __future__ import annotations

import bz2
import csv
import dataclasses
import io
import warnings
from collections.abc import Iterable, Iterator, Mapping

import astropy.io.fits
import astropy.wcs
import numpy as np
import scipy.ndimage
from etils import epath

from tfds_builders.left_out import LeftOut
from tfds_builders.sdss_star_galaxy.objects import check_label, check_pixels

__all__ = ["FieldKey", "Row", "cut_stamps", "frame_name", "frame_url", "read_tables"]

_COLUMNS = ("objID", "ra", "dec", "class", "z", "run", "rerun", "camcol", "field")
_URL = "https://data.sdss.org/sas/dr17/eboss/photoObj/frames"
# Pixels beyond the stamp that the spline of a resampled band needs.
_MARGIN = 8


@dataclasses.dataclass(frozen=True, order=True)
class FieldKey:
    """Identifier of an exposure: run, rerun, camera column, field."""

    run: int
    rerun: int
    camcol: int
    field: int


@dataclasses.dataclass(frozen=True)
class Row:
    """One object of the table; `ra` and `dec` in degrees."""

    identifier: str
    ra: float
    dec: float
    label: int
    redshift: float
    key: FieldKey


def read_tables(folder: epath.Path, left_out: LeftOut) -> dict[str, Row]:
    """Reads the tables of a folder as CasJobs exports them.

    Args:
        folder: With .csv files: comma-separated, column names (any case, any order) in the first
            line that does not begin with "#".
        left_out: Told of each unusable row.

    Returns:
        The objects by identifier.

    Raises:
        FileNotFoundError: if there is no table.
        ValueError: if a column is missing, or as `left_out` decides.
    """
    paths = sorted(folder.glob("*.csv"))
    if not paths:
        raise FileNotFoundError(f"{folder}: no .csv table with columns {', '.join(_COLUMNS)}")
    rows: dict[str, Row] = {}
    for path in paths:
        for number, values in enumerate(_lines(path), start=1):
            where = f"{path}: object {values['objID'] or f'in row {number}'}"
            try:
                row = _parse(values, where)
                if row.identifier in rows:
                    raise ValueError(f"{where} stands in the tables twice")
            except ValueError as error:
                left_out.add(str(error))
                continue
            rows[row.identifier] = row
    return rows


def _lines(path: epath.Path) -> Iterator[dict[str, str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(lines)
    columns = {name.strip().lower(): name for name in reader.fieldnames or ()}
    missing = [name for name in _COLUMNS if name.lower() not in columns]
    if missing:
        raise ValueError(f"{path}: column {', '.join(missing)} is missing")
    for line in reader:
        yield {name: (line[columns[name.lower()]] or "").strip() for name in _COLUMNS}


def frame_name(key: FieldKey, band: str) -> str:
    """Returns the name of a frame's file, as in frame-r-003836-4-0084.fits.bz2."""
    return f"frame-{band}-{key.run:06d}-{key.camcol}-{key.field:04d}.fits.bz2"


def frame_url(key: FieldKey, band: str) -> str:
    """Returns where data release 17 keeps a frame."""
    return f"{_URL}/{key.rerun}/{key.run}/{key.camcol}/{frame_name(key, band)}"


def cut_stamps(
    rows: Iterable[Row],
    paths: Mapping[str, epath.Path],
    *,
    size: int,
    left_out: LeftOut,
) -> Iterator[tuple[Row, np.ndarray]]:
    """Cuts the objects of one field out of its frames.

    The stamp is a window of the r frame, with the object within half a pixel of its centre. The
    other bands are brought to the pixels of that window by cubic splines, through both frames' WCS;
    this leaves fluxes as they are and lowers and correlates the noise a little.

    Args:
        rows: Objects of one field.
        paths: Frame of each band, in the order of the stamp's bands; has "r".
        size: Pixels on a side.
        left_out: Collects unusable objects; those too near to an edge whatever its `on_error`.

    Yields:
        The row and its stamp, (size, size, bands) float32, nanomaggies per pixel.

    Raises:
        ValueError: if a frame cannot be read or an object not cut out, and `left_out` so decides.
    """
    try:
        frames = {band: _read_frame(path) for band, path in paths.items()}
    except ValueError as error:
        for row in rows:
            left_out.add(f"object {row.identifier}: {error}")
        return
    reference = frames["r"][1]
    for row in rows:
        where = f"object {row.identifier}"
        try:
            x, y = _pixel(reference, row, f"{where}: frame {paths['r'].name}")
            left, bottom = (int(np.floor(value - size / 2 + 1)) for value in (x, y))
            grid = np.mgrid[bottom : bottom + size, left : left + size].astype(float)
            stamp = np.stack(
                [
                    _window(
                        frames[band],
                        grid,
                        None if band == "r" else reference,
                        f"{where}: frame {paths[band].name}",
                    )
                    for band in paths
                ],
                axis=-1,
            )
            stamp = check_pixels(stamp, stamp.shape, where)
        except _EdgeError as error:
            left_out.keep(str(error))
            continue
        except ValueError as error:
            left_out.add(str(error))
            continue
        yield row, stamp


class _EdgeError(ValueError):
    """An object too near to the edge of its frame, as some are in any table."""


def _pixel(wcs: astropy.wcs.WCS, row: Row, where: str) -> tuple[float, float]:
    """Returns (x, y), zero-based, of an object in a frame, on it or not."""
    try:
        x, y = (float(value) for value in wcs.all_world2pix(row.ra, row.dec, 0))
    except astropy.wcs.NoConvergence:
        x = y = np.nan
    # A tangential projection has no place for the far side of the sky.
    if not np.isfinite([x, y]).all():
        raise ValueError(f"{where}: ra {row.ra}, dec {row.dec} lies outside")
    return x, y


def _window(
    frame: tuple[np.ndarray, astropy.wcs.WCS],
    grid: np.ndarray,
    reference: astropy.wcs.WCS | None,
    where: str,
) -> np.ndarray:
    """Returns a frame at the pixels `grid` of the reference frame; None if it is that frame."""
    image, wcs = frame
    y, x = grid
    margin = 0
    if reference is not None:
        sky = reference.all_pix2world(x.ravel(), y.ravel(), 0)
        x, y = (value.reshape(grid.shape[1:]) for value in wcs.all_world2pix(*sky, 0))
        margin = _MARGIN
    bottom, left = int(np.floor(y.min())) - margin, int(np.floor(x.min())) - margin
    top, right = int(np.ceil(y.max())) + margin + 1, int(np.ceil(x.max())) + margin + 1
    if bottom < -margin or left < -margin or top > image.shape[0] + margin:
        raise _EdgeError(f"{where}: stamp reaches over the edge")
    if right > image.shape[1] + margin:
        raise _EdgeError(f"{where}: stamp reaches over the edge")
    bottom, left = max(bottom, 0), max(left, 0)
    window = image[bottom:top, left:right]
    # Here and not in the stamp, all of which a spline would spoil for one such pixel.
    bad = int(np.count_nonzero(~np.isfinite(window)))
    if bad:
        raise ValueError(f"{where}: {bad} pixels are NaN or infinite")
    if reference is None:
        return window
    return scipy.ndimage.map_coordinates(
        window.astype(np.float64), [y - bottom, x - left], order=3, mode="nearest"
    )


def _read_frame(path: epath.Path) -> tuple[np.ndarray, astropy.wcs.WCS]:
    try:
        data = path.read_bytes()
        if data.startswith(b"BZh"):
            data = bz2.decompress(data)
        with warnings.catch_warnings():
            # SDSS headers use RADECSYS, which the standard has since renamed; of a damaged file
            # the error below is enough.
            warnings.simplefilter("ignore", astropy.wcs.FITSFixedWarning)
            warnings.simplefilter("ignore", astropy.io.fits.verify.VerifyWarning)
            with astropy.io.fits.open(io.BytesIO(data)) as hdus:
                image = np.array(hdus[0].data, np.float32)
                wcs = astropy.wcs.WCS(hdus[0].header)
    except Exception as error:  # Astropy raises anything for a broken file.
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a readable FITS frame ({reason})") from None
    if image.ndim != 2 or not wcs.has_celestial:
        raise ValueError(f"{path}: must be an image with a celestial WCS")
    return image, wcs


def _parse(values: Mapping[str, str], where: str) -> Row:
    numbers: dict[str, float] = {}
    for name in _COLUMNS[1:3] + _COLUMNS[4:]:
        kind = int if name in ("run", "rerun", "camcol", "field") else float
        try:
            numbers[name] = kind(values[name])
        except ValueError:
            raise ValueError(f"{where}: {name} must be a number; got '{values[name]}'") from None
        if not np.isfinite(numbers[name]):
            raise ValueError(f"{where}: {name} must be finite; got {values[name]}")
    if not values["objID"]:
        raise ValueError(f"{where}: objID is empty")
    if not (0 <= numbers["ra"] <= 360 and -90 <= numbers["dec"] <= 90):
        raise ValueError(
            f"{where}: ra must be within 0 to 360 and dec within -90 to 90; "
            f"got {numbers['ra']} and {numbers['dec']}"
        )
    return Row(
        identifier=values["objID"],
        ra=numbers["ra"],
        dec=numbers["dec"],
        label=check_label(values["class"], where),
        redshift=numbers["z"],
        key=FieldKey(*(int(numbers[name]) for name in ("run", "rerun", "camcol", "field"))),
    )
