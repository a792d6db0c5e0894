"""Outcomes of a download, a line for each object, so that it resumes where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.errors import UserError
from trainers.storage.json_files import read_json, write_json

__all__ = ["DESCRIPTION", "DOWNLOADED", "STATUSES", "Journal", "Outcome", "check_request"]

DESCRIPTION = "download.json"
"""Name of the file that describes what a folder holds."""

DOWNLOADED = "downloaded"
STATUSES = (DOWNLOADED, "outside", "empty", "not found", "failed")
"""Outcomes of an object: a file; outside of the footprint; an image without data; nothing at the
address; no usable answer."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Outcome of the download of an object.

    Attributes:
        id: Identifier.
        status: One of `STATUSES`.
        file: Name of its file in the folder; empty without one.
        size: Bytes of the file.
        sha256: Hash of the file.
        url: First address that was asked.
        date: Time of the answer, UTC, ISO 8601.
        reason: Why there is no file; empty with one.
    """

    id: str
    status: str
    file: str = ""
    size: int = 0
    sha256: str = ""
    url: str = ""
    date: str = ""
    reason: str = ""


class Journal:
    """The outcomes in a folder.

    Args:
        path: File of the journal.

    Attributes:
        outcomes: The last outcome of each object, by its identifier.
    """

    def __init__(self, path: Path):
        self.outcomes, is_whole = _read(path)
        self._lock = threading.Lock()
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115
        if not is_whole:
            self._file.write("\n")

    def add(self, outcome: Outcome) -> None:
        """Adds an outcome, which replaces an earlier one of the same object."""
        with self._lock:
            self.outcomes[outcome.id] = outcome
            self._file.write(json.dumps(dataclasses.asdict(outcome)) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Flushes the journal to the disk and closes it."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def check_request(folder: Path, description: Path | None, request: Mapping[str, Any]) -> None:
    """Describes what a folder holds, or sees that it holds the same.

    Args:
        folder: The folder.
        description: Its description; None for a new folder.
        request: What is asked for, as JSON types.

    Raises:
        UserError: if the folder holds something else.
    """
    earlier = read_json(description) if description is not None else {}
    for name, value in request.items():
        if description is not None and earlier.get(name) != value:
            raise UserError(
                f"`output_dir={folder}` has cutouts with {name} {earlier.get(name)}, now {value}; "
                "give another folder"
            )
    write_json(folder / DESCRIPTION, request)


def _read(path: Path) -> tuple[dict[str, Outcome], bool]:
    """Returns the outcomes of a journal, and whether its last line is whole."""
    outcomes: dict[str, Outcome] = {}
    if not path.exists():
        return outcomes, True
    content = path.read_text(encoding="utf-8", errors="replace")
    for line in content.splitlines():
        try:
            outcome = Outcome(**json.loads(line))
        except (TypeError, ValueError):
            continue  # Cut short by a kill; the object is asked for again.
        outcomes[outcome.id] = outcome
    return outcomes, content.endswith("\n") or not content
