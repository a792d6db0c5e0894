"""Integrity of files: each is read to its end by the library of its format."""

from __future__ import annotations

import csv
import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table
from PIL import Image

__all__ = ["problems"]


def problems(folder: Path) -> list[str]:
    """Returns a line for each file of a folder, and of those within, that cannot be read.

    Hidden files and folders are unfinished; no command reads them. TensorBoard's files grow by
    records, and its reader stops at an incomplete one.

    Args:
        folder: The folder; may be missing.
    """
    lines = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_dir() or any(part.startswith(".") for part in place.parts):
            continue
        read = _READERS.get(path.suffix.lower())
        if read is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(path)
        except Exception as error:  # Whatever the libraries raise for a broken file.
            lines.append(f"{place}: {type(error).__name__}: {' '.join(str(error).split())}")
    return lines


def _text(path: Path) -> None:
    if not path.read_text().endswith("\n"):
        raise ValueError("the last line has no end")


def _table(path: Path) -> None:
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    if len({len(row) for row in rows}) != 1:
        raise ValueError("rows are not equally long")


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
    if broken:
        raise ValueError(f"{broken} is damaged")


def _arrays(path: Path) -> None:
    with np.load(path) as file:
        for name in file.files:
            file[name]


def _fits(path: Path) -> None:
    with fits.open(path, memmap=False) as hdus:
        for hdu in hdus:
            hdu.verify("exception")
            np.asarray(hdu.data)


def _picture(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


_READERS: dict[str, Callable[[Path], object]] = {
    ".csv": _table,
    ".ecsv": Table.read,
    ".fits": _fits,
    ".json": lambda path: json.loads(path.read_text()),
    ".keras": _archive,
    ".md": _text,
    ".npy": np.load,
    ".npz": _arrays,
    ".parquet": Table.read,
    ".png": _picture,
}
