"""Folders of HATS catalogues: Parquet files, each with the objects of one HEALPix cell."""

from __future__ import annotations

from pathlib import Path

__all__ = ["partitions"]

_CATALOGUE, _COLLECTION = "hats.properties", "collection.properties"
_PRIMARY = "hats_primary_table_url"


def partitions(folder: str | Path) -> list[Path] | None:
    """Returns the files with the objects of a catalogue; None for other folders.

    Of a collection they are those of its catalogue, without the margins, which repeat objects near
    the borders of cells, and without indices.

    Args:
        folder: A catalogue, or a collection of one with its margins and indices.

    References:
        Caplar et al. 2025 (arXiv:2501.02103), HATS; the layout is that of version 1.0.
    """
    folder = Path(folder)
    if (folder / _COLLECTION).is_file():
        folder /= _properties(folder / _COLLECTION).get(_PRIMARY, "")
    if not (folder / _CATALOGUE).is_file():
        return None
    cells = sorted((folder / "dataset").glob("Norder=*/Dir=*/Npix=*"))
    return [file for cell in cells for file in _files(cell)]


def _files(cell: Path) -> list[Path]:
    # A cell is a file, or a folder of several.
    return sorted(cell.rglob("*.parquet")) if cell.is_dir() else [cell]


def _properties(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return {name.strip(): value.strip() for name, sign, value in lines if sign}
