"""Table files: FITS, Parquet, ECSV, CSV."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from trainers.errors import UserError
from trainers.storage.atomic_files import flush_to_disk, opened_alone

__all__ = [
    "FORMATS",
    "arrow",
    "check_columns",
    "check_path",
    "check_vectors",
    "template",
    "write",
    "write_pieces",
]

FORMATS = {".fits": "fits", ".parquet": "parquet", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}
"""Formats of `astropy.table` by the end of the file's name."""

_FITS_BLOCK = 2880  # bytes
_FITS_COLUMNS = 999

# What FITS cannot hold, and what some reader takes for the end of a line: see `str.splitlines`.
_UNPRINTABLE = re.compile("[^ -~]")
_LINE_BREAK = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")

# A line that the readers of ECSV take for a comment, up to the end of its first field.
_COMMENT_FIELD = re.compile(r"^([^\S\n]*#[^ \n]*)", re.MULTILINE)


def check_path(path: Path, overwrite: bool = False) -> None:
    """Checks that a table can be written there, before the work is done.

    Args:
        path: The file.
        overwrite: Whether it may be there already.

    Raises:
        UserError: if its name ends otherwise than those of `FORMATS`, it is there, or a folder.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"`output` must end with one of {', '.join(FORMATS)}; got '{path.name}'")
    if path.is_dir():
        raise UserError(f"`output` must be a file; {path} is a folder")
    if path.exists() and not overwrite:
        raise UserError(f"`output={path}` is there; give another file, or `overwrite`")


def check_columns(number: int, path: Path) -> None:
    """Checks that the format of a file has room for so many columns, before the work is done.

    Raises:
        UserError: if there are more than FITS can have.
    """
    if path.suffix.lower() == ".fits" and number > _FITS_COLUMNS:
        raise UserError(
            f"`output={path}` can have {_FITS_COLUMNS} columns at most, as FITS; got {number}: "
            "give a name that ends with .parquet"
        )


def check_vectors(path: Path, argument: str) -> None:
    """Checks that the format of a file has room for columns of vectors, before the work is done.

    Args:
        path: The file.
        argument: The argument that makes such a column.

    Raises:
        UserError: if it is CSV.
    """
    if path.suffix.lower() == ".csv":
        raise UserError(
            f"`{argument}` needs an `output` with vectors, .fits, .parquet or .ecsv; "
            f"got '{path.name}'"
        )


def template(table: Table) -> Table:
    """Returns a table without its rows, its text as wide as FITS needs it.

    Args:
        table: Columns of one number or text each, or of a vector.
    """
    empty = table[:0]
    for name in empty.colnames:
        if table[name].dtype.kind == "U":
            width = max((len(_spelled_out(text)) for text in table[name].tolist()), default=0)
            empty[name] = empty[name].astype(f"<U{max(width, 1)}")
    return empty


def write(table: Table, path: Path) -> None:
    """Writes a table atomically, in the format of the file's suffix.

    FITS has the descriptions of the columns in the keywords TCOMMn, where TOPCAT looks for them,
    double quotes in place of single ones in its metadata, and in all text what is not printable
    ASCII spelled out as Python does, `\\xfc`; ECSV and CSV spell out line breaks. CSV has no room
    for units, descriptions and metadata.

    Args:
        table: Columns of one number or text each, or of a vector, for which CSV has no room;
            metadata with keys of eight letters at most.
        path: The file; its folder is made if missing.

    Raises:
        UserError: if it has more columns than FITS can have.
    """
    write_pieces(template(table), [table], len(table), path)


def write_pieces(template: Table, pieces: Iterable[Table], rows: int, path: Path) -> None:
    """Writes a table that memory does not hold, as `write` would.

    Args:
        template: The table without its rows, see `template`.
        pieces: Its rows, some at a time, with the columns of the template.
        rows: Number of rows in all.
        path: As of `write`.

    Raises:
        UserError: as `write`.
        ValueError: if the pieces have another number of rows.
    """
    check_columns(len(template.colnames), path)
    end = path.suffix.lower()

    def write_it(beside: Path) -> None:
        counted = _Counted(pieces)
        if end == ".fits":
            _write_fits(template, counted, rows, beside)
        elif end == ".parquet":
            _write_parquet(template, counted, beside)
        else:
            _write_text(template, counted, beside, FORMATS[end])
        if counted.rows != rows:
            raise ValueError(f"pieces must have {rows} rows in all; got {counted.rows}")

    _whole(path, write_it)


class _Counted:
    """Passes pieces on and counts their rows."""

    def __init__(self, pieces: Iterable[Table]):
        self._pieces, self.rows = pieces, 0

    def __iter__(self):
        for piece in self._pieces:
            self.rows += len(piece)
            yield piece


def _whole(path: Path, write_it: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside, lock = (path.with_name(f".{kind}.{path.name}") for kind in ("part", "lock"))
    with opened_alone(lock):
        try:
            write_it(beside)
            flush_to_disk(beside)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)


def _write_fits(template: Table, pieces: Iterable[Table], rows: int, path: Path) -> None:
    # The header of Astropy's own file without rows, from which it reads the descriptions too.
    _for_fits(template).write(path, format="fits", overwrite=True)
    header = fits.getheader(path, 1)
    for number, name in enumerate(template.colnames, 1):
        header[f"TCOMM{number}"] = _header_text(template[name].info.description or "")
    row_bytes, header["NAXIS2"] = header["NAXIS1"], rows
    fits.PrimaryHDU().writeto(path, overwrite=True)
    with open(path, "ab") as file:
        file.write(header.tostring().encode("ascii"))
        for piece in pieces:
            memory = io.BytesIO()
            fits.table_to_hdu(_typed_for_fits(template, piece)).writeto(memory)
            memory.seek(0)
            with fits.open(memory) as written:
                start = written[1].fileinfo()["datLoc"]
                if written[1].header["NAXIS1"] != row_bytes:
                    raise ValueError(f"pieces must have rows of {row_bytes} bytes")
                # Leaving the block closes the memory too.
                file.write(memory.getvalue()[start : start + row_bytes * len(piece)])
        file.write(bytes(-rows * row_bytes % _FITS_BLOCK))


def _write_parquet(template: Table, pieces: Iterable[Table], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Astropy's own file without rows has the schema that Astropy reads.
    template.write(path, format="parquet", overwrite=True)
    schema = pq.read_schema(path)
    with pq.ParquetWriter(path, schema) as writer:
        for piece in pieces:
            typed = _typed(template, piece)
            arrays = [arrow(np.asarray(typed[name])) for name in schema.names]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def arrow(values: np.ndarray) -> Any:
    """Returns a column as an array of Arrow; vectors as lists of a fixed size.

    Args:
        values: (rows,) or (rows, length).
    """
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    # Astropy reads vectors from lists of a fixed size.
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])


def _write_text(template: Table, pieces: Iterable[Table], path: Path, kind: str) -> None:
    template.write(path, format=kind, overwrite=True)
    with open(path, "a", encoding="utf-8", newline="") as file:
        for piece in pieces:
            memory = io.StringIO()
            typed = _typed(template, piece)
            for name in typed.colnames:
                if typed[name].dtype.kind == "U":
                    typed[name] = [_LINE_BREAK.sub(_escaped, text) for text in typed[name].tolist()]
            typed.write(memory, format=kind)
            memory.seek(0)
            while memory.readline().startswith("#"):
                pass  # The last line that is read has the names of the columns.
            lines = memory.read()
            # Astropy quotes nothing for its sake, and then reads the row as a comment.
            file.write(_COMMENT_FIELD.sub(r'"\1"', lines) if kind == "ascii.ecsv" else lines)


def _typed(template: Table, piece: Table) -> Table:
    typed = Table()
    for name in template.colnames:
        typed[name] = np.asarray(piece[name]).astype(template[name].dtype)
    return typed


def _typed_for_fits(template: Table, piece: Table) -> Table:
    typed = Table()
    for name in template.colnames:
        values, kind = np.asarray(piece[name]), _fits_type(template[name].dtype)
        if kind.kind == "U":
            values = np.array([_spelled_out(text).encode() for text in values.tolist()], bytes)
            kind = np.dtype(f"S{kind.itemsize // 4}")
        typed[_spelled_out(name)] = values.astype(kind)
    return typed


def _for_fits(template: Table) -> Table:
    """Returns the template with what FITS can hold; see `_header_text`."""
    ready = Table(meta={key: _header_text(value) for key, value in template.meta.items()})
    for name in template.colnames:
        column = template[name].astype(_fits_type(template[name].dtype))
        column.description = _header_text(column.description)
        ready[_spelled_out(name)] = column
    return ready


def _fits_type(kind: np.dtype) -> np.dtype:
    # FITS has no signed bytes: Astropy writes them as logical values.
    return np.dtype(np.int16) if kind == np.int8 else kind


def _header_text(value: Any) -> Any:
    # What stands in single quotes in a string of more than one card is lost when Astropy reads it.
    return _spelled_out(value).replace("'", '"') if isinstance(value, str) else value


def _spelled_out(text: str) -> str:
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()
