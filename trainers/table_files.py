"""Tables as files that astronomers' programs read: FITS, Parquet, ECSV, CSV."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from trainers.errors import UserError

__all__ = ["FORMATS", "check_path", "write", "write_pieces"]

FORMATS = {".fits": "fits", ".parquet": "parquet", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}
"""Formats of `astropy.table` by the end of the file's name."""

_FITS_BLOCK = 2880  # bytes


def check_path(path: Path, overwrite: bool = False) -> None:
    """Checks that a table can be written there, before the work is done.

    Args:
        path: The file.
        overwrite: Whether it may be there already.

    Raises:
        UserError: if its name ends otherwise than those of `FORMATS`, or it is there.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--output must end with one of {', '.join(FORMATS)}; got '{path.name}'")
    if path.exists() and not overwrite:
        raise UserError(f"--output {path} is there; give another file, or --overwrite")


def write(table: Table, path: Path) -> None:
    """Writes a table, whole or not at all, in the format that the name of the file tells.

    FITS has the descriptions of the columns in the keywords TCOMMn, where TOPCAT looks for them,
    and double quotes in place of single ones in its metadata; CSV has no room for units,
    descriptions and metadata.

    Args:
        table: Columns of one number or text each; metadata with keys of eight letters at most.
        path: The file; its folder is made if missing.
    """

    def write_it(beside: Path) -> None:
        if path.suffix.lower() != ".fits":
            table.write(beside, format=FORMATS[path.suffix.lower()], overwrite=True)
            return
        _for_fits(table).write(beside, format="fits", overwrite=True)
        with fits.open(beside, mode="update") as file:
            _comment(file[1].header, table)

    _whole(path, write_it)


def write_pieces(template: Table, pieces: Iterable[Table], rows: int, path: Path) -> None:
    """Writes a table that memory does not hold, as `write` would.

    Text that is not ASCII is spelled out in FITS, as Python's `backslashreplace` does.

    Args:
        template: The table without its rows: columns with their types, which for text are as wide
            as the longest, descriptions, units, and the metadata.
        pieces: Its rows, some at a time, with the columns of the template.
        rows: Number of rows in all.
        path: The file; its folder is made if missing.

    Raises:
        ValueError: if the pieces have another number of rows.
    """
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
    # It knows Keras; mistakes in names of files are told before that is loaded.
    from trainers.training.checkpoints import flush_to_disk, opened_alone

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
    _comment(header, template)
    row_bytes, header["NAXIS2"] = header["NAXIS1"], rows
    fits.PrimaryHDU().writeto(path, overwrite=True)
    with open(path, "ab") as file:
        file.write(header.tostring().encode("ascii"))
        for piece in pieces:
            memory = io.BytesIO()
            fits.table_to_hdu(_typed(template, piece, as_bytes=True)).writeto(memory)
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
            arrays = [pa.array(np.asarray(typed[name])) for name in schema.names]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _write_text(template: Table, pieces: Iterable[Table], path: Path, kind: str) -> None:
    template.write(path, format=kind, overwrite=True)
    with open(path, "a", encoding="utf-8", newline="") as file:
        for piece in pieces:
            memory = io.StringIO()
            _typed(template, piece).write(memory, format=kind)
            memory.seek(0)
            while memory.readline().startswith("#"):
                pass  # The last line that is read has the names of the columns.
            file.write(memory.read())


def _typed(template: Table, piece: Table, as_bytes: bool = False) -> Table:
    typed = Table()
    for name in template.colnames:
        values, kind = np.asarray(piece[name]), template[name].dtype
        if kind.kind == "U" and as_bytes:
            texts = [text.encode("ascii", "backslashreplace") for text in values.tolist()]
            values, kind = np.array(texts), np.dtype(f"S{kind.itemsize // 4}")
        typed[name] = values.astype(kind)
    return typed


def _for_fits(table: Table) -> Table:
    """Returns the table with double quotes in its metadata: see `_double_quotes`."""
    ready = table.copy(copy_data=False)
    ready.meta = {key: _double_quotes(value) for key, value in table.meta.items()}
    return ready


def _double_quotes(value: Any) -> Any:
    # What stands in single quotes in a string of more than one card is lost when Astropy reads it.
    return value.replace("'", '"') if isinstance(value, str) else value


def _comment(header: fits.Header, table: Table) -> None:
    for number, name in enumerate(table.colnames, 1):
        header[f"TCOMM{number}"] = _double_quotes(table[name].info.description or "")
