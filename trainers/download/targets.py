"""The objects of a catalogue: identifiers, positions, and the names of their files."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np

from trainers.errors import UserError
from trainers.storage import table_reading

__all__ = ["Targets", "read_targets"]

# Longer names are refused by some file systems.
_LONGEST_NAME = 200  # bytes
_PLAIN = re.compile(r"[\w.+-]+", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Targets:
    """Objects to be downloaded.

    Attributes:
        ids: Identifiers, each once.
        ra: (objects,) degrees, 0 to 360.
        dec: (objects,) degrees.
        stems: Names of the files, without suffix.
    """

    ids: list[str]
    ra: np.ndarray
    dec: np.ndarray
    stems: list[str]

    def __len__(self) -> int:
        return len(self.ids)


def read_targets(path: Path, id_column: str, ra_column: str, dec_column: str) -> Targets:
    """Returns the objects of a catalogue.

    Characters of an identifier that file systems may refuse are written as in addresses, `%2F`.

    Args:
        path: See `trainers.storage.table_reading.read`.
        id_column: Column of text or whole numbers.
        ra_column: Column of degrees.
        dec_column: Column of degrees.

    Raises:
        UserError: if a column is missing, an identifier comes twice, or there is no position.
    """
    columns = {"id_column": id_column, "ra_column": ra_column, "dec_column": dec_column}
    ids, (ra, dec) = table_reading.read_columns(
        path, "catalogue", tuple(columns.values()), tuple(columns)
    )
    rows: dict[str, int] = {}
    for row, name in enumerate(ids):
        # Some file systems do not distinguish capitals.
        first = rows.setdefault(name.lower(), row)
        if first != row or not name:
            what = f"is '{name}', as that of row {first + 1}" if name else "is empty"
            raise UserError(f"`catalogue={path}`: the identifier of row {row + 1} {what}")
        if not (-360 <= ra[row] <= 360 and -90 <= dec[row] <= 90):
            raise UserError(
                f"`catalogue={path}`: '{name}' has no position in degrees; got "
                f"{ra_column} {ra[row]:g}, {dec_column} {dec[row]:g}"
            )
    stems = [_stem(name, path) for name in ids]
    return Targets(ids, ra % 360, dec, stems)


def _stem(name: str, path: Path) -> str:
    stem = name if _PLAIN.fullmatch(name) else quote(name, safe=" +")
    if stem.startswith("."):
        stem = f"%2E{stem[1:]}"
    if len(stem.encode()) > _LONGEST_NAME:
        raise UserError(f"`catalogue={path}`: the identifier '{name[:40]}...' is too long")
    return stem
