"""Positions of objects on the sky, for tables of answers to their cutouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.table import Column, Table

from trainers.datasets.object_table import join_key, rows_by_key
from trainers.errors import UserError
from trainers.storage import table_reading
from trainers.tables import quantities

__all__ = ["Positions"]

_ID, _POSITION = "id", ("ra", "dec")


class Positions:
    """Right ascensions and declinations by identifier, from a table with `id`, `ra` and `dec`.

    Args:
        path: See `trainers.storage.table_reading.read`.

    Attributes:
        missing: Number of objects so far that the table lacks.

    Raises:
        UserError: if the table cannot be read, lacks one of the columns, or has an identifier
            twice.
    """

    def __init__(self, path: Path):
        self.missing = 0
        table = table_reading.read(path, "positions")
        for name in (_ID, *_POSITION):
            if name not in table.colnames:
                raise UserError(
                    f"`positions={path}` must have the columns id, ra and dec; it has "
                    f"{', '.join(table.colnames)}"
                )
        try:
            ids = table_reading.identifiers(table, _ID)
            self._degrees = np.stack([table_reading.numbers(table, name) for name in _POSITION])
            self._rows = rows_by_key(enumerate(ids))
        except ValueError as error:
            raise UserError(f"`positions={path}`: {error}") from None

    def add_to(self, table: Table) -> Table:
        """Returns a table with the columns `ra` and `dec` behind `id`, NaN where there is none.

        Args:
            table: With the identifiers of the objects, or the names of their files, in `id`.
        """
        degrees = self.degrees(table["id"].tolist())
        columns = [
            Column(values, name=name, description=quantities.describe(name), unit="deg")
            for name, values in zip(_POSITION, degrees, strict=True)
        ]
        table.add_columns(columns, indexes=[1, 1], rename_duplicate=True)
        return table

    def degrees(self, ids: Sequence[str]) -> np.ndarray:
        """Returns right ascensions and declinations, (2, objects), NaN where there is none.

        Args:
            ids: Identifiers of the objects, or the names of their files.
        """
        rows = np.array([self._rows.get(join_key(name), -1) for name in ids], np.int64)
        self.missing += int((rows < 0).sum())
        return np.where(rows < 0, np.nan, self._degrees[:, rows])
