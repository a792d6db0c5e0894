"""Objects of a catalogue as a page shows them: identifiers, vectors and columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import UserError
from trainers.similarity.embeddings import read_embeddings
from trainers.storage.table_reading import POSITION

__all__ = ["Column", "Objects", "read_objects", "standing_out"]

STAND_OUT = ("interest", "outlier_score")
"""Columns by which objects stand out, the first that a catalogue has."""

# Texts with more values than this are shown, but have no colours.
_CATEGORIES = 1000

# Whole numbers above it, and positions on the sky, need more digits than float32 has.
_EXACT_IN_FLOAT32 = 2**24


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of one value for each object.

    Attributes:
        name: Its name.
        values: (objects,) float32 or float64, NaN where there is no value; or int32 codes of
            categories, -1 where there is none; or text.
        categories: Texts of the codes; None for numbers and for text.
        unit: Its unit; empty without one.
        description: Its description; empty without one.
    """

    name: str
    values: np.ndarray
    categories: tuple[str, ...] | None = None
    unit: str = ""
    description: str = ""

    @property
    def kind(self) -> str:
        """ "number", "category" or "text"."""
        if self.categories is not None:
            return "category"
        return "number" if self.values.dtype.kind == "f" else "text"

    def rows(self, rows: np.ndarray) -> Column:
        """Returns the column of some objects."""
        return dataclasses.replace(self, values=self.values[rows])


@dataclasses.dataclass(frozen=True)
class Objects:
    """Objects of a catalogue.

    Attributes:
        ids: Identifiers, each once.
        vectors: (objects, features) float32, finite, none of them zero.
        columns: By name, without the identifier.
        meta: Metadata of the catalogue, with names in small letters.
    """

    ids: Sequence[str]
    vectors: np.ndarray
    columns: Mapping[str, Column]
    meta: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: np.ndarray) -> Objects:
        """Returns some of the objects."""
        columns = {name: column.rows(rows) for name, column in self.columns.items()}
        return Objects([self.ids[row] for row in rows], self.vectors[rows], columns, self.meta)

    def number(self, name: str, argument: str) -> np.ndarray:
        """Returns a column of numbers.

        Args:
            name: The column.
            argument: Argument that names it, for errors.

        Raises:
            UserError: if there is no such column of numbers.
        """
        numbers = [each for each, column in self.columns.items() if column.kind == "number"]
        if name not in numbers:
            raise UserError(
                f"`{argument}` must be a column of numbers: {', '.join(numbers) or 'there is none'}"
                f"; got '{name}'"
            )
        return self.columns[name].values


def read_objects(path: Path, names: Sequence[str] | None = None) -> Objects:
    """Reads a catalogue with embeddings.

    Args:
        path: Parquet, FITS or ECSV, see `trainers.similarity.embeddings.read_embeddings`.
        names: Columns to keep. None for all that have one value for each object.

    Raises:
        UserError: if it cannot be read, or there is no such column.
    """
    held = read_embeddings(path)
    table = _scalars(path)
    usable = [name for name in table.colnames if name != "id"]
    for name in names or ():
        if name not in usable:
            raise UserError(f"`columns` must be some of {', '.join(usable)}; got '{name}'")
    chosen = usable if names is None else list(dict.fromkeys(names))
    columns = {name: _column(name, table[name]) for name in chosen}
    return Objects(held.ids, held.vectors, columns, held.meta)


def standing_out(
    number: int, limit: int, score: np.ndarray | None, seed: int, share: float = 0.25
) -> np.ndarray:
    """Returns the rows of a sample: those with the highest score, and some of the others.

    Args:
        number: Number of objects.
        limit: Objects in the sample.
        score: (number,) score, of which NaN is the lowest; None for a random sample.
        seed: Seed of the draw.
        share: Share of the sample that has the highest scores. Default 0.25.

    Returns:
        Rows in rising order; all of them if there are no more than `limit`.
    """
    if number <= limit:
        return np.arange(number)
    top = np.empty(0, int)
    if score is not None:
        falling = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
        top = falling[: round(share * limit)]
    rest = np.setdiff1d(np.arange(number), top)
    drawn = np.random.default_rng(seed).choice(rest, limit - len(top), replace=False)
    return np.sort(np.concatenate([top, drawn]))


def _scalars(path: Path) -> Any:
    from astropy.table import Table

    if path.suffix.lower() == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = pq.read_schema(path)
        names = [field.name for field in fields if not pa.types.is_nested(field.type)]
        return Table.read(path, include_names=names)
    table = Table.read(path)
    table.convert_bytestring_to_unicode()
    return table[[name for name in table.colnames if table[name].ndim == 1]]


def _column(name: str, column: Any) -> Column:
    about = {"unit": str(column.unit or ""), "description": column.info.description or ""}
    missing = np.broadcast_to(np.ma.getmaskarray(np.ma.asarray(column)), len(column))
    values = np.asarray(column)
    if values.dtype.kind in "iuf":
        numbers = np.where(missing, np.nan, values.astype(np.float64))
        large = values.dtype.kind in "iu" and np.abs(numbers[~missing]).max(initial=0)
        exact = name.lower() in POSITION or large > _EXACT_IN_FLOAT32
        return Column(name, numbers if exact else numbers.astype(np.float32), **about)
    texts = np.array([str(text).strip() for text in values.tolist()])
    texts[missing] = ""
    kinds, codes = np.unique(texts, return_inverse=True)
    if len(kinds) > min(_CATEGORIES, max(2, len(texts) // 2)):
        return Column(name, texts, **about)
    stated = np.flatnonzero(kinds != "")
    new = np.full(len(kinds), -1, np.int32)
    new[stated] = np.arange(len(stated))
    return Column(name, new[codes], tuple(kinds[stated].tolist()), **about)
