"""Tables as files that astronomers' programs read: FITS, Parquet, ECSV, CSV."""

from __future__ import annotations

import os
from pathlib import Path

from astropy.io import fits
from astropy.table import Table

from trainers.errors import UserError

__all__ = ["FORMATS", "check_path", "write"]

FORMATS = {".fits": "fits", ".parquet": "parquet", ".ecsv": "ascii.ecsv", ".csv": "ascii.csv"}
"""Formats of `astropy.table` by the end of the file's name."""


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

    FITS has the descriptions of the columns in the keywords TCOMMn, where TOPCAT looks for them;
    CSV has no room for units, descriptions and metadata.

    Args:
        table: Columns of one number or text each; metadata with keys of eight letters at most.
        path: The file; its folder is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".part.{path.name}")
    try:
        table.write(beside, format=FORMATS[path.suffix.lower()], overwrite=True)
        if path.suffix.lower() == ".fits":
            _comment(beside, table)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _comment(path: Path, table: Table) -> None:
    with fits.open(path, mode="update") as file:
        for number, name in enumerate(table.colnames, 1):
            file[1].header[f"TCOMM{number}"] = table[name].info.description or ""
