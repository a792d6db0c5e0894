"""Which files are read, in which order, and what they are called."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from trainers.cutouts.cutout import CutoutFile
from trainers.errors import UserError

__all__ = ["SUFFIXES", "find", "is_picture", "is_small", "names", "reader"]


def _fits() -> type[CutoutFile]:
    from trainers.cutouts.fits_files import FitsFile

    return FitsFile


def _picture() -> type[CutoutFile]:
    from trainers.cutouts.picture_files import PictureFile

    return PictureFile


def _arrays() -> type[CutoutFile]:
    from trainers.cutouts.array_files import ArrayFile

    return ArrayFile


def _hdf5() -> type[CutoutFile]:
    from trainers.cutouts.hdf5_files import Hdf5File

    return Hdf5File


def _parquet() -> type[CutoutFile]:
    from trainers.cutouts.parquet_files import ParquetFile

    return ParquetFile


_FITS = [f"{end}{packed}" for end in (".fits", ".fit", ".fts") for packed in ("", ".gz", ".fz")]

# Each library is imported when a file is there for it.
_READERS: dict[str, Callable[[], type[CutoutFile]]] = {
    **dict.fromkeys(_FITS, _fits),
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _picture),
    **dict.fromkeys((".npy", ".npz"), _arrays),
    **dict.fromkeys((".h5", ".hdf5"), _hdf5),
    ".parquet": _parquet,
}

# Bytes of a FITS file that is read as a whole.
_SMALL = 4 * 2**20

SUFFIXES = tuple(_READERS)
"""How the names of files that can be read end; capitals do not matter."""


def find(paths: Sequence[str | Path]) -> list[str]:
    """Returns the files that are meant, each once.

    Args:
        paths: Files; folders, of which all files are taken that can be read, also in folders
            within, sorted by name; and patterns such as `night*/*.fits`, sorted likewise.

    Raises:
        UserError: if there is no such file, nothing in a folder or for a pattern that can be
            read, or a file is none that can be read.
    """
    files: dict[str, None] = {}
    for path in map(str, paths):
        if os.path.isdir(path):
            inside = sorted(_inside(path))
            if not inside:
                raise UserError(f"--images {path}: no {', '.join(SUFFIXES)} files in the folder")
        elif os.path.exists(path):
            inside = [path]
        elif glob.has_magic(path):
            inside = sorted(name for name in glob.glob(path, recursive=True) if _is_file(name))
            if not inside:
                raise UserError(f"--images {path}: no file has such a name")
        else:
            raise UserError(f"--images {path}: no such file")
        for file in inside:
            _suffix(file)
        files.update(dict.fromkeys(inside))
    return list(files)


def names(files: Sequence[str]) -> list[str]:
    """Returns what the files are called in a table: short, and no two the same.

    Args:
        files: Different paths.
    """
    short = [os.path.basename(file) for file in files]
    if max(Counter(short).values(), default=1) == 1:
        return short
    absolute = [os.path.abspath(file) for file in files]
    folder = os.path.commonpath([os.path.dirname(file) for file in absolute])
    return [os.path.relpath(file, folder) for file in absolute]


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


def is_small(file: str) -> bool:
    """Returns whether the file is best read as a whole: a picture, or a FITS file of some MB.

    To count what is in a small FITS file takes as long as to read it.
    """
    if is_picture(file):
        return True
    is_fits = _READERS[_suffix(file)] is _fits
    # What has gone meanwhile is found out when it is read.
    return is_fits and (not _is_file(file) or os.path.getsize(file) <= _SMALL)


def _inside(folder: str) -> list[str]:
    found = []
    for parent, folders, members in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.join(parent, name)
            for name in members
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return found


def _is_file(path: str) -> bool:
    return os.path.isfile(path)


def _suffix(file: str) -> str:
    for suffix in SUFFIXES:
        if file.lower().endswith(suffix):
            return suffix
    raise UserError(f"--images {file} must end with one of {', '.join(SUFFIXES)}")
