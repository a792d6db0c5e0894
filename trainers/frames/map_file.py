"""FITS files of maps that grow tile by tile, and from which a killed command resumes."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from trainers.errors import UserError
from trainers.storage import json_files
from trainers.storage.claimed_folder import LOCK, claimed

__all__ = ["IDENTITY", "GrowingMaps", "identity_of", "maps_path"]

IDENTITY = "MAPSID"
"""Keyword with a hash of all that the maps depend on."""

_MANIFEST, _DRAFT = "manifest.json", "maps.fits"
_BLOCK = 2880  # bytes, of which FITS files have a multiple.


def maps_path(output_dir: Path, name: str) -> Path:
    """Returns the path of the maps of a frame.

    Args:
        output_dir: The folder of the command.
        name: Name of the frame.
    """
    return output_dir / f"{name}_maps.fits"


def identity_of(manifest: Mapping[str, Any]) -> str:
    """Returns a hash of all that maps depend on, 16 hexadecimal digits."""
    text = json.dumps(json_files.json_safe(manifest), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class GrowingMaps:
    """Maps of a frame in a file that takes its place when all tiles are there.

    Pixels are written where they belong in a file of the final size, so that memory holds one
    tile and nothing is joined at the end. The manifest counts the tiles that are on the disk.

    Args:
        path: Path of the finished file.
        headers: Of the primary extension, and of each map with its BITPIX and its axes.
        tiles: Number of tiles.
        tables: Further extensions, as they are: the distortions of the coordinates.
    """

    def __init__(
        self,
        path: Path,
        headers: Sequence[fits.Header],
        tiles: int,
        tables: Sequence[fits.ImageHDU] = (),
    ):
        self.path, self.tiles = path, tiles
        self._tables = _written(tables)
        self.folder = path.with_name(f"{path.name}.parts")
        self._headers = headers
        self._draft = self.folder / _DRAFT

    def is_finished(self, manifest: Mapping[str, Any]) -> bool:
        """Returns whether the file is there, made by the same command.

        Args:
            manifest: See `opened`.
        """
        try:
            return fits.getheader(self.path)[IDENTITY] == identity_of(manifest)
        except (OSError, KeyError):
            return False

    @contextlib.contextmanager
    def opened(self, manifest: Mapping[str, Any], overwrite: bool) -> Iterator[int]:
        """Locks the folder of the growing file for this process.

        Args:
            manifest: All that the maps depend on.
            overwrite: Whether maps and parts of another command may go.

        Yields:
            The number of tiles that an earlier call has finished.

        Raises:
            UserError: if another process has the folder, it holds the work of another command or
                something else, or the finished file is there.
        """
        name, is_new = f"`output_dir={self.path.parent}`: {self.folder}", not self.folder.exists()
        with claimed(self.folder, _MANIFEST, name=name, kind="parts of maps"):
            try:
                done = self._resumed(manifest, overwrite)
            except UserError:
                if is_new:
                    shutil.rmtree(self.folder)
                raise
            with open(self._draft, "r+b" if done is not None else "w+b") as self._file:
                if done is None:
                    self._begin(manifest)
                self._starts = _starts(self._headers)
                yield done or 0
        self.clean()

    def write(self, number: int, window: tuple[slice, slice], maps: Sequence[np.ndarray]) -> None:
        """Writes a tile; those before it must be there.

        Args:
            number: Of the tile, counted from 0.
            window: Rows and columns of the tile in the frame.
            maps: Of each extension (height, width), or (classes, height, width) for a cube.
        """
        handle = self._file.fileno()
        for start, header, values in zip(self._starts, self._headers[1:], maps, strict=True):
            kind = np.dtype(fits.BITPIX2DTYPE[header["BITPIX"]]).newbyteorder(">")
            height, width = header["NAXIS2"], header["NAXIS1"]
            planes = np.ascontiguousarray(values.reshape(-1, *values.shape[-2:]), kind)
            for index, plane in enumerate(planes):
                for row, pixels in enumerate(plane, window[0].start):
                    place = (index * height + row) * width + window[1].start
                    _write(handle, pixels.tobytes(), start + place * kind.itemsize)
        os.fsync(handle)
        self._note(number + 1)

    def finish(self) -> None:
        """Puts the file in its place."""
        os.replace(self._draft, self.path)

    def clean(self) -> None:
        """Removes what a kill left after the file took its place."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _size(self) -> int:
        place, header = _layout(self._headers)[-1]
        return place + _data_size(header) + len(self._tables)

    def _resumed(self, manifest: Mapping[str, Any], overwrite: bool) -> int | None:
        """Returns the number of tiles that are there; None for a new file."""
        file, identity = self.folder / _MANIFEST, identity_of(manifest)
        saved = json_files.read_json(file) if file.exists() else {}
        same = saved.get("identity") == identity
        if saved and not same and not overwrite:
            before, now = saved.get("manifest", {}), json_files.json_safe(manifest)
            changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
            raise UserError(
                f"`output_dir={self.path.parent}`: {self.path.name} was begun by another command "
                f"(other {', '.join(changed)}); give that one again to resume it, another folder, "
                "or `overwrite=True` to start over"
            )
        if self.path.exists() and not overwrite:
            raise UserError(
                f"`output_dir={self.path.parent}`: {self.path.name}, of another command, is there; "
                "give another folder, or `overwrite=True`"
            )
        if same and self._draft.is_file() and self._draft.stat().st_size == self._size:
            self._manifest = saved
            return int(saved["done"])
        for entry in self.folder.iterdir():
            if entry.name != LOCK:
                entry.unlink()
        return None

    def _begin(self, manifest: Mapping[str, Any]) -> None:
        saved = json_files.json_safe(manifest)
        self._manifest = {"identity": identity_of(manifest), "manifest": saved}
        self._note(0)
        handle = self._file.fileno()
        ends = [start + _data_size(header) for start, header in _layout(self._headers)]
        places = [0, *ends[:-1]]
        for place, header in zip(places, self._headers, strict=True):
            _write(handle, header.tostring().encode("ascii"), place)
        os.ftruncate(handle, ends[-1])
        _write(handle, self._tables, ends[-1])

    def _note(self, done: int) -> None:
        self._manifest["done"] = done
        json_files.write_json(self.folder / _MANIFEST, self._manifest)


def _layout(headers: Sequence[fits.Header]) -> list[tuple[int, fits.Header]]:
    """Returns where the data of each extension begin."""
    places, place = [], 0
    for header in headers:
        place += len(header.tostring())
        places.append((place, header))
        place += _data_size(header)
    return places


def _starts(headers: Sequence[fits.Header]) -> list[int]:
    return [place for place, _ in _layout(headers)[1:]]


def _written(tables: Sequence[fits.ImageHDU]) -> bytes:
    """Returns extensions as they are in a file."""
    stream = io.BytesIO()
    copies = [fits.ImageHDU(table.data, table.header) for table in tables]
    fits.HDUList([fits.PrimaryHDU(), *copies]).writeto(stream)
    return stream.getvalue()[_BLOCK:]


def _data_size(header: fits.Header) -> int:
    axes = [header[f"NAXIS{axis}"] for axis in range(1, header["NAXIS"] + 1)]
    number = abs(header["BITPIX"]) // 8 * int(np.prod(axes, dtype=np.int64)) if axes else 0
    return -(-number // _BLOCK) * _BLOCK


def _write(handle: int, content: bytes, place: int) -> None:
    while content:
        written = os.pwrite(handle, content, place)
        content, place = content[written:], place + written
