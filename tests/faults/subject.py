"""Commands under test: their work, the check of their files, and their result."""

from __future__ import annotations

import abc
import csv
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults import readable

__all__ = ["Subject", "compared", "digest", "history_rows"]

# Measured times; and the date of the export.
_TIMES = ("images_per_second", "data_wait_fraction")


class Subject(abc.ABC):
    """A command under test. All methods but the constructor are called in child processes.

    Attributes:
        name: On the command line.
        title: In the table.
    """

    name: str
    title: str

    def prepare(self, folder: Path) -> None:  # noqa: B027, most need nothing.
        """Prepares the inputs of the command once; every attempt works on a copy."""

    @abc.abstractmethod
    def job(self, folder: Path) -> int:
        """Does the work in a folder, or resumes it; returns the exit status."""

    def check(self, folder: Path) -> list[str]:
        """Returns the problems after a kill, a line each; reads every file."""
        return readable.problems(folder)

    @abc.abstractmethod
    def result(self, folder: Path) -> dict[str, str]:
        """Returns the digests of results that must be the same with and without kills."""


def compared(result: Mapping[str, str], reference: Mapping[str, str]) -> list[str]:
    """Returns a line if two results of `Subject.result` differ."""
    names = sorted(result.keys() | reference.keys())
    differing = [name for name in names if result.get(name) != reference.get(name)]
    return [f"other than undisturbed: {', '.join(differing)}"] if differing else []


def digest(value: Any) -> str:
    """Returns a digest of a file, an array, or JSON types; measured times are left out."""
    if isinstance(value, Path):
        data = value.read_bytes()
    elif isinstance(value, np.ndarray):
        data = f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    else:
        data = json.dumps(_without_times(value), sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()[:16]


def history_rows(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a `history.csv` without measured times."""
    with open(path, newline="") as file:
        return [_without_times(row) for row in csv.DictReader(file)]


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_times(item) for name, item in value.items() if name not in _TIMES}
    if isinstance(value, list):
        return [_without_times(item) for item in value]
    return value
