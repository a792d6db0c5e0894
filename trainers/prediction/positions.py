"""Positions of objects on the sky, for tables of answers to their cutouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.table import Column, Table

from trainers.prediction.object_lookup import ObjectLookup
from trainers.storage.table_reading import POSITION
from trainers.tables import quantities

__all__ = ["Positions"]


class Positions:
    """Right ascensions and declinations by identifier, from a table with `id`, `ra` and `dec`.

    Args:
        path: See `trainers.prediction.object_lookup.ObjectLookup`.

    Attributes:
        missing: Number of objects so far that the table lacks.

    Raises:
        UserError: if the table cannot be read, lacks one of the columns, or has an identifier
            twice.
    """

    def __init__(self, path: Path):
        self.missing = 0
        self._lookup = ObjectLookup("positions", path, POSITION)

    def add_to(self, table: Table) -> Table:
        """Returns a table with the columns `ra` and `dec` behind `id`, NaN where there is none.

        Args:
            table: With the identifiers of the objects, or the names of their files, in `id`.
        """
        degrees = self.degrees(table["id"].tolist())
        columns = [
            Column(values, name=name, description=quantities.describe(name), unit="deg")
            for name, values in zip(POSITION, degrees, strict=True)
        ]
        table.add_columns(columns, indexes=[1, 1], rename_duplicate=True)
        return table

    def degrees(self, ids: Sequence[str]) -> np.ndarray:
        """Returns right ascensions and declinations, (2, objects), NaN where there is none.

        Args:
            ids: Identifiers of the objects, or the names of their files.
        """
        rows = self._lookup.rows(ids)
        self.missing += int((rows < 0).sum())
        return self._lookup.values(rows)
