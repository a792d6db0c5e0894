"""Options of the commands that make a table from files of cutouts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from trainers.options.fields import CheckedOptions, flag, option

__all__ = ["TableOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableOptions(CheckedOptions):
    """Cutouts and the output table."""

    images: list[str] | None = option(None, type=str, nargs="+", metavar="PATH")
    """Files, folders or patterns such as '*.fits'."""

    column: str | None = option(None)
    """Column of cutouts: table column, HDF5 dataset or array of an npz file; default: image, or the
    only one."""

    id_column: str | None = option(None)
    """Column of identifiers; default: id, if present."""

    extensions: str = option("objects", metavar="objects|bands")
    """Image extensions of a FITS file: each is an object, or a band of one object."""

    hdu: list[str] | None = option(None, type=str, nargs="+", metavar="NAME|N")
    """FITS extensions to read, in this order; default: all."""

    invalid: Literal["drop", "sky", "interpolate"] | None = option(None)
    """Pixels that are NaN or infinite: leave the cutout out, the sky of the band, or the mean of
    the neighbours; default: as in the training of the model."""

    positions: Path | None = option(None, metavar="FILE")
    """Table with id, ra and dec of the objects, for the columns `ra` and `dec`: .csv, .tsv, .ecsv,
    .fits, .vot or .parquet."""

    output: Path = option(metavar="FILE")
    """Output table: .fits, .parquet, .ecsv or .csv."""

    overwrite: bool = flag()
    """Replace an existing table and discard unfinished parts."""

    batch_size: int = option(64, least=1)
    """Images in a batch."""

    @property
    def file_settings(self) -> dict[str, Any]:
        """Settings for reading files, by the names of `cutouts.cutout.Wanted`."""
        names = ("column", "id_column", "extensions", "hdu", "invalid")
        return {name: getattr(self, name) for name in names}
