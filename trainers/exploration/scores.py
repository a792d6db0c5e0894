"""Scores of objects, from the labels of one or several people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainers.errors import UserError
from trainers.storage import table_reading

__all__ = ["HIGHEST", "LOWEST", "read_scores"]

LOWEST, HIGHEST = 1.0, 5.0
"""Scores of the least and the most interesting objects; 0 is allowed, too."""


def read_scores(
    paths: Sequence[Path], interesting: Sequence[str] | None = None
) -> dict[str, float]:
    """Returns the mean score of each object in tables of labels.

    Args:
        paths: Tables with columns id and label, see `trainers.storage.table_reading.FORMATS`.
        interesting: Labels that count as `HIGHEST`, all others as `LOWEST`. None if the labels are
            scores from 0 to `HIGHEST`.

    Raises:
        UserError: if a table cannot be read or lacks a column, or a label is no score, or no label
            is interesting.
    """
    given: dict[str, list[float]] = {}
    seen: set[str] = set()
    for path in paths:
        table = table_reading.read(path, "labels")
        for name in ("id", "label"):
            if name not in table.colnames:
                raise UserError(f"`labels` {path}: has no column '{name}'")
        try:
            ids = table_reading.identifiers(table, "id")
            if interesting is None:
                values = table_reading.numbers(table, "label")
            else:
                texts = table_reading.identifiers(table, "label")
                seen.update(texts)
                values = [HIGHEST if text in interesting else LOWEST for text in texts]
                values = np.where(np.array(texts) == "", np.nan, values)
        except ValueError as error:
            raise UserError(f"`labels` {path}: {error}") from None
        for name, value in zip(ids, values.tolist(), strict=True):
            if np.isnan(value):
                continue
            if not 0 <= value <= HIGHEST:
                raise UserError(
                    f"`labels` {path}: scores must be from 0 to {HIGHEST:g}; got {value:g} for "
                    f"'{name}'"
                )
            given.setdefault(name, []).append(value)
    for name in interesting or ():
        if name not in seen:
            labels = ", ".join(sorted(filter(None, seen)))
            raise UserError(f"`interesting` must be labels: {labels}; got '{name}'")
    return {name: float(np.mean(values)) for name, values in given.items()}
