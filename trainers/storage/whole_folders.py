"""Folders that appear, or take the place of earlier ones, whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from trainers.errors import UserError
from trainers.storage.atomic_files import opened_alone

__all__ = ["check_folder", "whole_folder"]

# Of Linux's renameat2: paths from the working directory, and the exchange of two names.
_HERE, _EXCHANGE = -100, 2


def check_folder(
    argument: str, folder: Path, mark: str, kind: str | None = None, *, overwrite: bool = False
) -> None:
    """Checks that a folder can be written, before the work is done.

    Args:
        argument: Argument that names it, for errors.
        folder: The folder.
        mark: Pattern of a file that such a folder has, from there.
        kind: What such a folder is, as "a HATS collection"; None if it may have other files, and
            `mark` is one that is written.
        overwrite: Whether it, or the file, may be there already.

    Raises:
        UserError: if something else is there, or what may not be replaced.
    """
    is_marked = folder.is_dir() and next(folder.glob(mark), None) is not None
    if kind is None and folder.exists() and not folder.is_dir():
        raise UserError(f"`{argument}={folder}` must be a folder")
    if kind is not None and folder.exists() and not is_marked:
        raise UserError(f"`{argument}={folder}` must be a new folder or {kind}")
    if is_marked and not overwrite:
        what = f"has {mark}" if kind is None else "is there"
        raise UserError(f"`{argument}={folder}` {what}; give another folder, or `overwrite`")


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yields the path of a draft, which takes the place of the folder when the block ends.

    An error or a kill leaves what was there before. Processes that write the same folder do so one
    after the other. Linux exchanges an earlier folder for the draft in one step on most file
    systems; elsewhere there is neither for an instant, between two renamings.

    Args:
        folder: The folder, whose parents are made if missing.
    """
    # A link to a folder stays a link.
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft, earlier, lock = (
        folder.with_name(f".{kind}.{folder.name}") for kind in ("draft", "earlier", "lock")
    )
    with opened_alone(lock):
        # A kill came between the two renamings.
        _put_back(earlier, folder)
        try:
            shutil.rmtree(draft, ignore_errors=True)
            yield draft
            if not folder.exists():
                os.replace(draft, folder)
            elif not _exchange(draft, folder):
                os.replace(folder, earlier)
                os.replace(draft, folder)
        finally:
            _put_back(earlier, folder)
            shutil.rmtree(draft, ignore_errors=True)
            shutil.rmtree(earlier, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _put_back(earlier: Path, folder: Path) -> None:
    """Gives an earlier folder its name again, if nothing has taken its place."""
    if earlier.exists() and not folder.exists():
        os.replace(earlier, folder)


def _exchange(first: Path, second: Path) -> bool:
    """Exchanges two paths; returns whether the system could."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    rename.argtypes = (ctypes.c_int, ctypes.c_char_p) * 2 + (ctypes.c_uint,)
    names = (os.fsencode(first), os.fsencode(second))
    return rename(_HERE, names[0], _HERE, names[1], _EXCHANGE) == 0
