"""Joins the parts into the table, and the table of what was left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import Column, Table

from trainers.cutouts.cutout import LeftOut
from trainers.prediction.parts import Parts
from trainers.prediction.positions import Positions
from trainers.tables import table_files

__all__ = ["Outcome", "merge"]

_ROUNDING, _LITTLE = 1e-6, 1e-3


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Results of all entries.

    Attributes:
        rows: Rows of the table; without any there is no table.
        left_out: Objects that could not be used, files that could not be opened counted as one.
        repeated: Rows whose identifier stands in an earlier row too.
        alike: Whether several objects have probabilities, and all practically the same.
        without_position: Rows for which there is no position, of those that were asked for.
    """

    rows: int
    left_out: int
    repeated: int
    alike: bool = False
    without_position: int = 0


def merge(
    parts: Parts, number: int, meta: Mapping[str, Any], positions: Positions | None = None
) -> Outcome:
    """Writes the table and the one of what was left out, and removes the parts.

    No more than a part is in memory, beside eight bytes for each row.

    Args:
        parts: All parts.
        number: How many there are.
        meta: Metadata of both tables.
        positions: Where the objects are, for the columns `ra` and `dec`; None for none.
    """
    summary = parts.summary()
    if summary is None:
        summary = dataclasses.asdict(_write(parts, number, meta, positions))
    parts.finish(summary)
    return Outcome(**summary)


def _write(
    parts: Parts, number: int, meta: Mapping[str, Any], positions: Positions | None
) -> Outcome:
    template = lines = None
    rows = reasons = objects = 0
    repeats, spread = _Repeats(), _Spread()
    for part in range(number):
        summary = parts.part(part)
        if summary.left_out:
            lines = _wider(lines, _lines(summary.left_out))
            reasons += len(summary.left_out)
            objects += sum(one.number for one in summary.left_out)
        if summary.rows:
            template = _wider(template, summary.template)
            rows += summary.rows
            table = parts.rows(part)
            repeats.add(table)
            spread.add(table)
    meta = {**meta, "rows": rows, "left_out": objects}
    if lines is not None:
        lines.meta.update(meta)
        pieces = (_lines(parts.part(part).left_out) for part in range(number))
        table_files.write_pieces(lines, pieces, reasons, parts.draft(parts.left_out))
    if template is not None:
        if repeats.ids_are_sources:
            template.remove_column("source")
        template.meta.update(meta)
        pieces = (table for table in map(parts.rows, range(number)) if len(table))
        if positions is not None:
            template, pieces = positions.add_to(template), map(positions.add_to, pieces)
        table_files.write_pieces(template, pieces, rows, parts.draft(parts.output))
    missing = 0 if positions is None else positions.missing
    return Outcome(rows, objects, repeats.number(), rows > 1 and spread.is_none(), missing)


class _Repeats:
    """Counts identifiers that stand in several rows."""

    def __init__(self):
        self.ids_are_sources = True
        self._hashes: list[np.ndarray] = []

    def add(self, table: Table) -> None:
        """Looks at further rows."""
        ids = table["id"].tolist()
        if ids != table["source"].tolist():
            self.ids_are_sources = False
        self._hashes.append(np.fromiter(map(hash, ids), np.int64, len(ids)))

    def number(self) -> int:
        """Returns the number of rows whose identifier stands in another row before."""
        if self.ids_are_sources:
            return 0
        return sum(map(len, self._hashes)) - len(np.unique(np.concatenate(self._hashes)))


class _Spread:
    """Ranges of the probabilities over all objects."""

    def __init__(self):
        self._extremes: dict[str, tuple[float, float]] = {}

    def add(self, table: Table) -> None:
        """Looks at further rows."""
        for name in table.colnames:
            if name.startswith("probability_"):
                low, high = self._extremes.get(name, (np.inf, -np.inf))
                values = np.asarray(table[name])
                self._extremes[name] = min(low, values.min()), max(high, values.max())

    def is_none(self) -> bool:
        """Returns whether there are probabilities, and all objects have practically the same.

        Near 0 and 1 less of a difference counts: that of good galaxies is in their last digits.
        """
        return bool(self._extremes) and all(
            bool(high - low < max(_ROUNDING, _LITTLE * min(low, 1 - high)))
            for low, high in self._extremes.values()
        )


def _lines(left_out: Sequence[LeftOut]) -> Table:
    texts = (
        ("source", "File, or file#extension, file[row] or file[start:stop] in it"),
        ("reason", "Why it could not be used"),
    )
    table = Table()
    for name, description in texts:
        values = np.array([getattr(one, name) for one in left_out], dtype=str)
        table.add_column(Column(values, name=name, description=description))
    numbers = np.array([one.number for one in left_out], np.int64)
    description = "Objects; 1 for a file that cannot be opened"
    table.add_column(Column(numbers, name="objects", description=description))
    return table


def _wider(template: Table | None, table: Table) -> Table:
    """Returns the columns that both have, as wide as the wider, without rows."""
    wider = table[:0]
    if template is None:
        return wider
    for name in wider.colnames:
        # An output whose size differs has other numbers in the descriptions.
        if name not in template.colnames or (template[name].description != wider[name].description):
            wider.remove_column(name)
        elif template[name].dtype.itemsize > wider[name].dtype.itemsize:
            wider[name] = wider[name].astype(template[name].dtype)
    return wider
