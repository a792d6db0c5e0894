"""JSON files, read with one-line errors and written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainers.errors import UserError
from trainers.storage.atomic_files import write_atomically

__all__ = ["read_json", "write_json"]


def read_json(path: Path) -> Any:
    """Returns what a JSON file of a run holds.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=2) + "\n")
