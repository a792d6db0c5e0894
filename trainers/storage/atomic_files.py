"""Atomic file writes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, BinaryIO

from trainers.storage import locks

__all__ = ["flush_to_disk", "opened_alone", "write_atomically"]


def write_atomically(path: Path, write: Any) -> None:
    """Writes a file beside `path` and puts it in its place when it is whole and on the disk.

    Processes that write the same file do so one after the other.

    Args:
        path: The file.
        write: Called with the open binary file, or the text to write.
    """
    path = Path(path)
    try:
        _replace(path, write)
    except OSError as error:
        if not error.errno or error.filename is not None:
            raise
        # The system does not say which file the full disk is under.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, write: Any) -> None:
    beside = path.with_name(f".{path.name}.part")
    with opened_alone(beside) as file:
        try:
            if isinstance(write, str):
                file.write(write.encode())
            else:
                write(file)
            file.flush()
            os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def flush_to_disk(path: Path) -> None:
    """Flushes a file, so that it survives a loss of power; a full disk may show only here."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def opened_alone(path: Path) -> BinaryIO:
    """Opens an empty file to write, once no other process that does the same has it.

    Whoever has it may remove it or put it elsewhere before closing it.
    """
    while True:
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666), "wb")
        try:
            locks.acquire(file, wait=True)
            # Whoever had it has put it in its place, or removed it: then it is another file now.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    file.truncate(0)
                    return file
        except BaseException:
            file.close()
            raise
        file.close()
