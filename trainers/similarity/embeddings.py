"""Embeddings of a catalogue as one array, with their identifiers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.errors import UserError

__all__ = ["Embeddings", "read_embeddings", "read_ids", "rows_of"]

_COLUMN = "embedding"
_ENDS = (".parquet", ".fits", ".ecsv")


@dataclasses.dataclass(frozen=True)
class Embeddings:
    """Vectors of objects.

    Attributes:
        ids: Identifiers, each once.
        vectors: (objects, features) float32, finite, none of them zero.
        meta: Metadata of the catalogue: its model and run.
    """

    ids: Sequence[str]
    vectors: np.ndarray
    meta: Mapping[str, Any]


def rows_of(ids: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Returns the rows of objects.

    Args:
        ids: Identifiers of all objects.
        wanted: Those of some.

    Raises:
        UserError: if an object is not among them.
    """
    rows = {name: row for row, name in enumerate(ids)}
    for name in wanted:
        if name not in rows:
            raise UserError(
                f"`query={name}` is not in the catalogue of {len(ids)} objects, the first of which "
                f"is '{ids[0]}'"
            )
    return [rows[name] for name in wanted]


def read_embeddings(path: Path) -> Embeddings:
    """Reads a catalogue with a column `embedding`, as `trainers.catalogue --embeddings` writes it.

    Args:
        path: Parquet, FITS or ECSV.

    Raises:
        UserError: if it cannot be read, has no such column, or its vectors or identifiers cannot
            be searched.
    """
    ids, vectors, meta = _read(path, _parquet if path.suffix.lower() == ".parquet" else _table)
    if not len(ids):
        raise UserError(f"`catalogue={path}` has no rows")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(name for name in ids if name in seen or seen.add(name))
        raise UserError(f"`catalogue={path}`: the identifier '{twice}' comes twice")
    bad = ~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)
    if bad.any():
        raise UserError(
            f"`catalogue={path}`: {np.count_nonzero(bad)} embeddings are not finite or zero, the "
            f"first that of '{ids[int(bad.argmax())]}'"
        )
    return Embeddings(ids, vectors, _small(meta))


def read_ids(path: Path) -> tuple[list[str], Mapping[str, Any]]:
    """Reads the identifiers and the metadata of a catalogue without its embeddings.

    Args:
        path: Parquet, FITS or ECSV.

    Raises:
        UserError: if it cannot be read.
    """
    if path.suffix.lower() != ".parquet":
        ids, _, meta = _read(path, _table)
        return ids, _small(meta)
    table = _read(path, _identifiers)
    return list(map(str, table["id"])), _small(table.meta)


def _small(meta: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in meta.items()}


def _read(path: Path, reader: Callable[[Path], Any]) -> Any:
    if path.suffix.lower() not in _ENDS:
        raise UserError(f"`catalogue` must end with one of {', '.join(_ENDS)}; got '{path.name}'")
    if not path.is_file():
        raise UserError(f"`catalogue={path}`: no such file")
    try:
        return reader(path)
    except KeyError:
        raise UserError(
            f"`catalogue={path}` has no columns id and {_COLUMN}; "
            "python -m trainers.catalogue --embeddings makes them"
        ) from None
    except Exception as error:  # The libraries raise anything for a broken file.
        reason = " ".join(str(error).split())
        raise UserError(f"`catalogue={path}` cannot be read: {reason}") from None


def _identifiers(path: Path) -> Any:
    from astropy.table import Table

    # Astropy reads the metadata, which it keeps in the schema; of the vectors it would make copies.
    return Table.read(path, include_names=["id"])


def _parquet(path: Path) -> tuple[list[str], np.ndarray, Mapping[str, Any]]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    if not {"id", _COLUMN} <= set(file.schema_arrow.names):
        raise KeyError(_COLUMN)
    table = _identifiers(path)
    column = file.read([_COLUMN])[_COLUMN].combine_chunks()
    lengths = column.value_lengths()
    shortest, longest = (getattr(pc, name)(lengths).as_py() for name in ("min", "max"))
    if shortest != longest:
        raise ValueError(f"embeddings must have one length; got {shortest} to {longest}")
    flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    return list(map(str, table["id"])), flat.reshape(len(table), -1), table.meta


def _table(path: Path) -> tuple[list[str], np.ndarray, Mapping[str, Any]]:
    from astropy.table import Table

    table = Table.read(path)
    table.convert_bytestring_to_unicode()
    vectors = np.asarray(table[_COLUMN], np.float32)
    return list(map(str, table["id"])), vectors.reshape(len(table), -1), table.meta
