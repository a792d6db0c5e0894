"""JSON files, read with one-line errors and written atomically."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.errors import UserError
from trainers.storage.atomic_files import write_atomically

__all__ = ["json_safe", "read_json", "write_json"]


def json_safe(value: Any) -> Any:
    """Returns a value in the types of JSON; NaN and infinity, which JSON lacks, become None."""
    if isinstance(value, Mapping):
        return {str(name): json_safe(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json_safe(dataclasses.asdict(value))
    if isinstance(value, (list, tuple, set)):
        return [json_safe(item) for item in value]
    if hasattr(value, "tolist"):
        return json_safe(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def read_json(path: Path) -> Any:
    """Returns the contents of a JSON file.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically."""
    write_atomically(path, json.dumps(value, indent=2) + "\n")
