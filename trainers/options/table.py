"""Options of the commands that make a table from files of cutouts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from trainers.options.fields import CheckedOptions, flag, option

__all__ = ["TableOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableOptions(CheckedOptions):
    """Files with cutouts, and the table."""

    images: list[str] | None = option(None, type=str, nargs="+", metavar="PATH")
    """Files, folders or patterns such as '*.fits'."""

    column: str | None = option(None)
    """Column of a table, HDF5 dataset or array of an npz file with the cutouts; default: image, or
    the only one."""

    id_column: str | None = option(None)
    """The same with identifiers; default: id, if there."""

    extensions: str = option("objects")
    """Meaning of the image extensions of a FITS file: objects, or bands of one."""

    hdu: list[str] | None = option(None, type=str, nargs="+", metavar="NAME|NUMBER")
    """Extensions of a FITS file that are read, in this order; default: all."""

    output: Path = option()
    """FILE.fits, .parquet, .ecsv or .csv."""

    overwrite: bool = flag()
    """Replace the table, and the parts of another command."""

    batch_size: int = option(64, least=1)
    """Images at a time."""

    @property
    def file_settings(self) -> dict[str, Any]:
        """Settings for reading files, by the names of `cutouts.cutout.Wanted`."""
        names = ("column", "id_column", "extensions", "hdu")
        return {name: getattr(self, name) for name in names}
