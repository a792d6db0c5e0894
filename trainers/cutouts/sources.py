"""Which files are read, in which order, and what they are called."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.cutouts.cutout import CutoutFile
from trainers.errors import UserError
from trainers.storage import hats_folders

__all__ = [
    "FITS",
    "PICTURES",
    "SUFFIXES",
    "counted",
    "find",
    "is_hidden",
    "is_picture",
    "is_served_picture",
    "is_small",
    "names",
    "reader",
    "state",
    "unread",
]


def _fits() -> type[CutoutFile]:
    from trainers.cutouts.fits_files import FitsFile

    return FitsFile


def _picture() -> type[CutoutFile]:
    from trainers.cutouts.picture_files import PictureFile

    return PictureFile


def _arrays() -> type[CutoutFile]:
    from trainers.cutouts.array_files import ArrayFile

    return ArrayFile


def _tiff() -> type[CutoutFile]:
    from trainers.cutouts.tiff_files import TiffFile

    return TiffFile


def _hdf5() -> type[CutoutFile]:
    from trainers.cutouts.hdf5_files import Hdf5File

    return Hdf5File


def _parquet() -> type[CutoutFile]:
    from trainers.cutouts.parquet_files import ParquetFile

    return ParquetFile


_SERVED = (".jpeg", ".jpg", ".png")

PICTURES = (*_SERVED, ".webp")
"""Suffixes of pictures; case does not matter."""

FITS = tuple(
    f"{end}{packed}" for end in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".fz", ".bz2")
)
"""Suffixes of FITS files, also packed ones; case does not matter."""

# Each library is imported when a file is there for it.
_READERS: dict[str, Callable[[], type[CutoutFile]]] = {
    **dict.fromkeys(FITS, _fits),
    **dict.fromkeys(PICTURES, _picture),
    **dict.fromkeys((".npy", ".npz"), _arrays),
    **dict.fromkeys((".tif", ".tiff"), _tiff),
    **dict.fromkeys((".h5", ".hdf5"), _hdf5),
    ".parquet": _parquet,
}

# Bytes of a FITS file that is read as a whole.
_SMALL = 4 * 2**20

# Files and folders that operating systems leave beside those of the user, in small letters.
_OF_SYSTEMS = ("__macosx", "desktop.ini", "thumbs.db")

# Folders with the parts of a table that is being made, see `prediction.parts`.
_PARTS = (".parts", ".parts.old")

SUFFIXES = tuple(_READERS)
"""Suffixes of readable files, in lower case."""


def find(paths: Sequence[str | Path], leave_out: str | Path | None = None) -> list[str]:
    """Returns the files that are meant, each once.

    Args:
        paths: Files; folders, of which all files are taken that can be read, also in folders
            within and linked to, sorted by name, but for parts of tables; of HATS catalogues the
            partitions; and patterns of files and folders such as `night*/*.fits`, sorted likewise.
        leave_out: A file that is not taken, such as the table that is written.

    Raises:
        UserError: if there is no such file, nothing in a folder or for a pattern that can be
            read, or a file is none that can be read.
    """
    files: dict[str, str] = {}
    written = None if leave_out is None else os.path.abspath(leave_out)
    for path in map(str, paths):
        is_pattern = not os.path.exists(path) and glob.has_magic(path)
        found = sorted(glob.glob(path, recursive=True)) if is_pattern else [path]
        inside = [file for name in found for file in _of(name)]
        meant = {os.path.abspath(file): file for file in inside}
        meant.pop(written, None)
        if not meant:
            raise UserError(f"`images={path}`: {_lack(path, bool(inside), is_pattern)}")
        for absolute, file in meant.items():
            _suffix(file)
            files.setdefault(absolute, file)
    return list(files.values())


def unread(paths: Sequence[str | Path], suffixes: Sequence[str] = SUFFIXES) -> Counter[str]:
    """Returns how many files in folders cannot be read, by their suffix.

    Hidden files do not count; see `is_hidden`.

    Args:
        paths: Folders, also as patterns; what is no folder does not count.
        suffixes: How the names of files end that can be read.
    """
    return Counter(
        Path(file).suffix.lower()
        for path in map(str, paths)
        for name in ([path] if os.path.exists(path) else glob.glob(path, recursive=True))
        if os.path.isdir(name)
        for file in _files(name)
        if not file.lower().endswith(tuple(suffixes))
    )


def counted(number_of: Mapping[str, int]) -> str:
    """Returns the result of `unread` in words, such as "12 .tif, 1 without suffix"."""
    ordered = sorted(number_of.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {suffix or 'without suffix'}" for suffix, number in ordered)


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder is hidden, or an operating system's own.

    Args:
        name: Its name, without folder.
    """
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def names(files: Sequence[str]) -> list[str]:
    """Returns what the files are called in a table: short, and no two the same.

    Args:
        files: Different paths.
    """
    short = [os.path.basename(file) for file in files]
    if max(Counter(short).values(), default=1) > 1:
        absolute = [os.path.abspath(file) for file in files]
        folder = os.path.commonpath([os.path.dirname(file) for file in absolute])
        short = [os.path.relpath(file, folder) for file in absolute]
    # Bytes that are no UTF-8 cannot be written to a table.
    return [os.fsencode(name).decode("utf-8", "backslashreplace") for name in short]


def reader(file: str) -> type[CutoutFile]:
    """Returns what reads such a file.

    Args:
        file: Its path.

    Raises:
        UserError: if nothing does.
    """
    return _READERS[_suffix(file)]()


def is_picture(file: str) -> bool:
    """Returns whether the file is one picture, to judge by its name."""
    return _READERS[_suffix(file)] is _picture


def is_served_picture(file: str) -> bool:
    """Returns whether a file is a picture that the signature `serving_bytes` decodes."""
    return file.lower().endswith(_SERVED)


def is_small(file: str) -> bool:
    """Returns whether the file is best read as a whole: a picture, or a FITS file of some MB.

    To count what is in a small FITS file takes as long as to read it.
    """
    if is_picture(file):
        return True
    is_fits = _READERS[_suffix(file)] is _fits
    # What has gone meanwhile is found out when it is read.
    return is_fits and (not os.path.isfile(file) or os.path.getsize(file) <= _SMALL)


def _lack(path: str, is_written: bool, is_pattern: bool) -> str:
    if is_written:
        return "nothing but the table of `output`"
    if os.path.isdir(path):
        return f"no {', '.join(SUFFIXES)} files in the folder"
    return "no file has such a name" if is_pattern else "no such file"


def _of(name: str) -> list[str]:
    """Returns the files in a folder, or the file; none for what is neither."""
    if os.path.isdir(name):
        return sorted(_inside(name))
    # A broken link is reported when it is read.
    return [name] if os.path.isfile(name) or os.path.islink(name) else []


def state(files: Sequence[str]) -> list[list[Any]]:
    """Returns path, size and time of change of each file, to see whether they are the same."""
    found: list[list[Any]] = []
    for file in files:
        try:
            status = os.stat(file)
            found.append([os.path.abspath(file), status.st_size, status.st_mtime_ns])
        except OSError:  # A broken link; reported when it is read.
            found.append([os.path.abspath(file), None, None])
    return found


def _inside(folder: str) -> list[str]:
    return [file for file in _files(folder) if file.lower().endswith(SUFFIXES)]


def _files(folder: str) -> Iterator[str]:
    """Yields all files in a folder and in those within, but for hidden ones."""
    seen = set()
    for parent, folders, members in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # By way of a link.
            folders.clear()
            continue
        seen.add(real)
        partitions = hats_folders.partitions(parent)
        if partitions is not None:
            yield from map(str, partitions)
            folders.clear()
            continue
        folders[:] = [name for name in folders if not (is_hidden(name) or name.endswith(_PARTS))]
        # So that a link comes after the folder beside it to which it may lead.
        folders.sort(key=lambda name: (os.path.islink(os.path.join(parent, name)), name))
        yield from (os.path.join(parent, name) for name in members if not is_hidden(name))


def _suffix(file: str) -> str:
    for suffix in SUFFIXES:
        if file.lower().endswith(suffix):
            return suffix
    raise UserError(f"`images={file}` must end with one of {', '.join(SUFFIXES)}")
