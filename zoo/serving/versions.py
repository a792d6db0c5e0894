"""Numbered folders that are written atomically."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Draft", "existing_versions", "latest_version", "new_version"]

_DRAFT_PREFIX = ".draft"
_DRAFT_LIFETIME = 24 * 3600.0  # seconds; for drafts of other machines, whose processes we can't see


@dataclasses.dataclass(frozen=True)
class Draft:
    """A version that is being written.

    Attributes:
        path: Hidden folder to write into.
        version: Number that the folder will have.
        target: The folder's name once it is complete.
    """

    path: Path
    version: int
    target: Path


def existing_versions(folder: Path) -> list[int]:
    """Returns the version numbers in `folder`, ascending; empty if there is no such folder."""
    return sorted(int(entry.name) for entry in _folders(folder))


def latest_version(folder: Path) -> Path | None:
    """Returns the folder of the highest version in `folder`; None if there is none.

    The server takes names with leading zeros too.
    """
    return max(_folders(folder), key=lambda entry: int(entry.name), default=None)


@contextlib.contextmanager
def new_version(folder: Path, version: int | None = None) -> Iterator[Draft]:
    """Yields a draft that becomes `folder/<version>` when the block ends without an error.

    The draft lies beside its target, so on the same file system; its files are flushed to the
    disk and then it is renamed, which is atomic. After any error it is removed, and so is `folder`
    if it was made here. Drafts that killed processes left behind are removed on the way in.

    Args:
        folder: Folder of the versions; made if missing.
        version: Number; None for one more than the highest there is, or is being written.

    Raises:
        ValueError: if `version` is not positive, or exists.
        OSError: if a file cannot be written, for instance because the disk is full, or another
            process has made the version meanwhile.
    """
    if version is not None and version < 1:
        raise ValueError(f"version must be a positive integer; got {version}")
    if version is None:
        _remove_abandoned_drafts(folder)
        version = 1 + max([*existing_versions(folder), *_drafted_versions(folder)], default=0)
    target = folder / str(version)
    if version in existing_versions(folder) or target.exists():
        raise ValueError(
            f"version {version} exists already in {folder}; "
            f"it has: {', '.join(map(str, existing_versions(folder)))}"
        )
    made_here = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned_drafts(folder)
    name = f"{_DRAFT_PREFIX}.{version}.{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
    draft = Draft(folder / name, version, target)
    try:
        draft.path.mkdir()
        yield draft
        _flush(draft.path)
        try:
            os.rename(draft.path, target)
        except OSError as error:
            if target.exists():
                raise FileExistsError(
                    f"version {version} in {folder} was made by another process meanwhile"
                ) from error
            raise
        _flush_entry(folder)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        if made_here:
            with contextlib.suppress(OSError):  # Another process may have put its version there.
                folder.rmdir()
        raise


def _folders(folder: Path) -> list[Path]:
    entries = folder.iterdir() if folder.is_dir() else ()
    return [
        entry
        for entry in entries
        if entry.name.isascii() and entry.name.isdigit() and entry.is_dir()
    ]


def _flush(folder: Path) -> None:
    # A full disk may show itself only here: file systems may allocate when they write back.
    for parent, _, names in os.walk(folder):
        for name in names:
            _flush_entry(Path(parent) / name)
        _flush_entry(Path(parent))


def _flush_entry(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_abandoned_drafts(folder: Path) -> None:
    for draft in folder.glob(f"{_DRAFT_PREFIX}.*"):
        if _is_abandoned(draft):
            shutil.rmtree(draft, ignore_errors=True)


def _drafted_versions(folder: Path) -> list[int]:
    drafts = (draft.name.split(".") for draft in folder.glob(f"{_DRAFT_PREFIX}.*"))
    return [int(parts[2]) for parts in drafts if parts[2].isdigit()]


def _is_abandoned(draft: Path) -> bool:
    owner, pid, _ = draft.name.rsplit(".", 2)
    if owner.split(".", 3)[-1] == socket.gethostname() and pid.isdigit():
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False
    try:
        return time.time() - draft.stat().st_mtime > _DRAFT_LIFETIME
    except FileNotFoundError:
        return False
