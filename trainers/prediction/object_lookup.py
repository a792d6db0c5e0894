"""Numbers of objects by their identifiers, from a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.datasets.object_table import join_key, rows_by_key
from trainers.errors import UserError
from trainers.storage import table_reading

__all__ = ["ObjectLookup"]

_ID = "id"


class ObjectLookup:
    """Columns of numbers by identifier, from a table with `id` and these columns.

    Args:
        argument: Argument that names the table, for errors.
        path: See `trainers.storage.table_reading.read`.
        names: The columns.

    Attributes:
        names: As given.

    Raises:
        UserError: if the table cannot be read, lacks one of the columns, or has an identifier
            twice.
    """

    def __init__(self, argument: str, path: Path, names: Sequence[str]):
        self.names = tuple(names)
        ids, columns = table_reading.read_columns(path, argument, (_ID, *self.names))
        try:
            self._rows = rows_by_key(enumerate(ids))
        except ValueError as error:
            raise UserError(f"`{argument}={path}`: {error}") from None
        self._values = np.stack(columns)

    def rows(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the rows of objects, -1 where there is none, (number,).

        Args:
            ids: Identifiers of the objects, or names of their files.
        """
        return np.array([self._rows.get(join_key(name), -1) for name in ids], np.int64)

    def values(self, rows: np.ndarray) -> np.ndarray:
        """Returns the columns of rows, (columns, number), NaN where the row is -1."""
        return np.where(rows < 0, np.nan, self._values[:, rows])
