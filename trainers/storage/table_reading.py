"""Tables of objects that other programs have written: CSV, ECSV, FITS, VOTable, Parquet, HATS."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from astropy.io import ascii as text_tables
from astropy.table import MaskedColumn, Table, vstack

from trainers.errors import UserError
from trainers.storage import hats_folders

__all__ = ["FORMATS", "POSITION", "identifiers", "numbers", "read", "read_columns"]

POSITION = ("ra", "dec")
"""Columns of the position on the sky, degrees."""

# Identifiers that another program has taken for numbers, such as "5.0" and "1.23765E+18".
_ROUNDED = re.compile(r"\d+\.0*|\d(\.\d*)?[eE]\+?\d+")

_SEPARATORS = ",;\t"


def _csv(path: Path) -> Table:
    # As text, of which no digit is lost; Python reads any line ends, and drops a mark at the start.
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        lines = file.read().splitlines()
    if lines and lines[0].startswith("#") and not set(_SEPARATORS) & set(lines[0]):
        del lines[0]  # "#Table1" of SDSS's CasJobs
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(lines)
    names = [name for name in next(csv.reader(lines, delimiter=delimiter), []) if name]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"column '{twice}' comes twice")
    as_text = {"*": [text_tables.convert_numpy(str)]}
    return text_tables.read(
        lines, format="csv", delimiter=delimiter, converters=as_text, guess=False
    )


def _delimiter(lines: Sequence[str]) -> str:
    """Returns what separates the names of the columns: spreadsheets write ";" in many countries."""
    names = next(filter(str.strip, lines), "")
    return next((sign for sign in _SEPARATORS if sign in names), ",")


def _ecsv(path: Path) -> Table:
    return Table.read(path, format="ascii.ecsv")


def _fits(path: Path) -> Table:
    table = Table.read(path, format="fits")
    table.convert_bytestring_to_unicode()
    return table


def _votable(path: Path) -> Table:
    return Table.read(path, format="votable")


def _parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    names = [field.name for field in file.schema_arrow if _is_scalar(field.type)]
    table = Table()
    for name, column in zip(names, file.read(names).columns, strict=True):
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        values, masked = column.to_pylist(), np.asarray(column.is_null())
        empty = kind.to_pandas_dtype()() if pa.types.is_primitive(kind) else ""
        values = [empty if value is None else value for value in values]
        dtype = kind.to_pandas_dtype() if pa.types.is_primitive(kind) else str
        table[name] = MaskedColumn(np.array(values, dtype), mask=masked)
    return table


def _hats(path: Path) -> Table:
    return vstack(list(map(_parquet, hats_folders.partitions(path) or [])))


def _is_scalar(kind: object) -> bool:
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_string)
    texts = (types.is_large_string, types.is_string_view)
    return any(test(kind) for test in (*tests, *texts))


FORMATS: dict[str, Callable[[Path], Table]] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _csv,
    ".ecsv": _ecsv,
    ".fits": _fits,
    ".fit": _fits,
    ".fits.gz": _fits,
    ".vot": _votable,
    ".votable": _votable,
    ".xml": _votable,
    ".parquet": _parquet,
}
"""Readers by the end of the file's name, in small letters."""


def read(path: Path, argument: str) -> Table:
    """Returns a table; the columns of CSV and TSV are text, others have the file's types.

    Args:
        path: A file whose name ends with one of `FORMATS`, or the folder of a HATS catalogue.
        argument: Argument that names the file, for errors.

    Raises:
        UserError: if there is no such file, it cannot be read, or it has no rows.
    """
    if hats_folders.partitions(path):
        reader = _hats
    else:
        reader = next((FORMATS[end] for end in FORMATS if path.name.lower().endswith(end)), None)
        if reader is None:
            raise UserError(
                f"`{argument}` must end with one of {', '.join(FORMATS)}, or be a HATS catalogue; "
                f"got {path.name}"
            )
        if not path.is_file():
            raise UserError(f"`{argument}` {path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = reader(path)
    except Exception as error:  # The libraries raise anything for a broken file.
        raise UserError(
            f"`{argument}` {path} cannot be read: {' '.join(str(error).split())}"
        ) from error
    if not len(table):
        raise UserError(f"`{argument}` {path}: has no rows")
    return table


def read_columns(
    path: Path,
    argument: str,
    names: Sequence[str],
    chosen_by: Sequence[str] | None = None,
) -> tuple[list[str], list[np.ndarray]]:
    """Returns the identifiers of the rows of a file, and further columns of numbers.

    Args:
        path: See `read`.
        argument: Argument that names the file, for errors.
        names: The column of identifiers, and those of numbers.
        chosen_by: Arguments that choose these columns, for errors; None if they are fixed.

    Raises:
        UserError: if the file cannot be read, lacks a column, or one has other values; see
            `identifiers` and `numbers`.
    """
    table = read(path, argument)
    for place, name in enumerate(names):
        if name not in table.colnames:
            what = f"must have the columns {', '.join(names[:-1])} and {names[-1]}; it has"
            if chosen_by is not None:
                what = f"has no column '{name}'; `{chosen_by[place]}` chooses one of"
            raise UserError(f"`{argument}={path}` {what} {', '.join(table.colnames)}")
    try:
        return identifiers(table, names[0]), [numbers(table, name) for name in names[1:]]
    except ValueError as error:
        raise UserError(f"`{argument}={path}`: {error}") from None


def identifiers(table: Table, name: str) -> list[str]:
    """Returns a column as text without spaces around it; empty where there is no value.

    Args:
        table: The table.
        name: Column of text or whole numbers.

    Raises:
        ValueError: if the column has other values; floating-point numbers round identifiers.
    """
    values, missing = _values(table, name)
    if values.dtype.kind not in "fiubUS":
        raise ValueError(f"column '{name}' must be text or whole numbers; got {values.dtype}")
    texts = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in values.tolist()
    ]
    texts = ["" if gone else text.strip() for text, gone in zip(texts, missing, strict=True)]
    stated = list(filter(None, texts))
    if values.dtype.kind == "f" or (stated and all(map(_ROUNDED.fullmatch, stated))):
        raise ValueError(
            f"column '{name}' has floating-point numbers, which round long identifiers; text or "
            "whole numbers were expected"
        )
    return texts


def numbers(table: Table, name: str) -> np.ndarray:
    """Returns a column as float64, (rows,); NaN where there is no value.

    Args:
        table: The table.
        name: Column of numbers, also as text.

    Raises:
        ValueError: if the column has other values.
    """
    values, missing = _values(table, name)
    if values.dtype.kind in "US":
        texts = values.astype(str)
        missing = missing | (np.char.strip(texts) == "")
        values = np.where(missing, "nan", texts)
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"column '{name}' must have numbers; got {_first_text(values)}") from None
    return np.where(missing, np.nan, values)


def _values(table: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    column = table[name]
    if column.ndim != 1:
        raise ValueError(f"column '{name}' has {column.shape[1:]} values a row; one was expected")
    missing = np.broadcast_to(np.ma.getmaskarray(np.ma.asarray(column)), len(table))
    values = np.asarray(column)
    if values.dtype.kind == "O":
        # VOTable has text of any length as objects.
        values = np.array(["" if value is None else str(value) for value in values.tolist()])
    return values, missing


def _first_text(values: np.ndarray) -> str:
    for value in values.tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            return repr(value)
    return f"values of type {values.dtype}"
