"""Folders that one process at a time writes to, and that hold one piece of work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from trainers.errors import UserError
from trainers.storage import locks

__all__ = ["LOCK", "claimed", "visible_entries"]

LOCK = ".lock"
"""Name of the file that is locked."""


@contextlib.contextmanager
def claimed(folder: Path, description: str, *, name: str, kind: str) -> Iterator[Path | None]:
    """Keeps a folder for this process while the block runs; it is made if missing.

    Args:
        folder: The folder.
        description: Name of the file in it that describes the work.
        name: Of the folder, for errors: "`run_dir` runs/a".
        kind: Of the work, for errors: "run".

    Yields:
        The path of the description; None in a new or empty folder.

    Raises:
        UserError: if the folder cannot be written, another process has it, or it holds files but
            no description.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOCK).touch()
    except OSError as error:
        raise UserError(f"{name} cannot be written: {error}") from None
    with open(folder / LOCK, "w") as lock:
        if not locks.acquire(lock):
            raise UserError(f"{name} is in use by another process")
        path = folder / description
        if path.exists():
            yield path
        elif visible_entries(folder):
            raise UserError(f"{name} holds files but no {kind}; give an empty or a new folder")
        else:
            yield None


def visible_entries(folder: Path) -> list[Path]:
    """Returns the entries of a folder without hidden ones.

    Hidden are the lock, half-written files that a kill left, and files of others.
    """
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
