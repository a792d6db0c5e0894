"""Options of the commands that make a table from files of cutouts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from trainers.options.data_options import separated
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
    """Pixels that are masked, NaN or infinite: leave the cutout out, the sky of the band, or the
    mean of the neighbours; default: as in the training of the model."""

    mask_bits: list[str] | None = option(None, type=str, nargs="+", metavar="BIT")
    """Bits of masks beside the images of FITS files that mask a pixel, by name or by number from 0,
    such as SAT,CR or 0 7; or none; default: as in the training, else BAD, SAT, CR and NO_DATA where
    planes have names."""

    resize: Literal["crop", "pad", "resample"] | None = option(None)
    """Cutouts of another size: cut larger ones, continue sky and noise around smaller ones too, or
    resample to the pixel scale of the training first; default: as in the training, else refuse."""

    pixel_scale: float | None = option(None, above=0)
    """Pixel scale of cutouts whose header has none, arcsec."""

    bands: list[str] | None = option(None, type=str, nargs="+", metavar="NAME")
    """Names of the bands in the files, in their order, of which those of the model are taken;
    default: those of the FITS headers."""

    units: str | None = option(None)
    """Units of the pixels, which are converted to those of the training; default: BUNIT or TUNIT of
    FITS files."""

    zeropoint: float | None = option(None, metavar="MAG")
    """AB magnitude of one unit of the pixels, for counts and electrons; default: that of the FITS
    header."""

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
        names = ("column", "id_column", "extensions", "hdu", "invalid", "resize")
        own = {name: getattr(self, name) for name in names}
        return own | {
            "mask_bits": separated(self.mask_bits),
            "own_pixel_scale": self.pixel_scale,
            "own_bands": separated(self.bands),
            "own_units": self.units,
            "zeropoint": self.zeropoint,
        }
