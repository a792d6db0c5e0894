"""Options of `python -m trainers.download`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from trainers.options.fields import CheckedOptions, flag, option

__all__ = ["DownloadOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DownloadOptions(CheckedOptions):
    """The catalogue, the survey and the cutouts."""

    catalogue: Path = option(metavar="FILE")
    """Table with a position for each object: .csv, .tsv, .ecsv, .fits, .vot or .parquet."""

    output_dir: Path = option()
    """Folder of the cutouts; a stopped download resumes there."""

    survey: str = option("legacy")
    """legacy (FITS, nanomaggies), sdss (colour pictures), or hips:NAME, such as
    'hips:CDS/P/PanSTARRS/DR1/{band}' with --bands g r i."""

    bands: list[str] | None = option(None, type=str, nargs="+", metavar="NAME")
    """Bands, in the order of the planes; default: g r z of legacy."""

    size: int = option(64, least=1)
    """Pixels on a side."""

    pixel_scale: float | None = option(None, above=0)
    """Pixel scale, arcsec; default: that of the survey."""

    id_column: str = option("id", metavar="COLUMN")
    """Column with the identifiers, which become the names of the files."""

    ra_column: str = option("ra", metavar="COLUMN")
    """Column with the right ascensions, degrees (ICRS)."""

    dec_column: str = option("dec", metavar="COLUMN")
    """Column with the declinations, degrees (ICRS)."""

    footprint: str | None = option(None, metavar="MOC")
    """MOC of the survey, a FITS or JSON file or an address; positions outside are not asked for."""

    rate: float = option(5.0, above=0, most=1000)
    """Requests per second at most."""

    connections: int = option(4, least=1, most=64)
    """Requests at a time at most."""

    retries: int = option(5, least=0, most=100)
    """Repetitions of a request that fails."""

    timeout: float = option(30.0, above=0)
    """Seconds without a byte after which a request has failed."""

    url: str | None = option(None)
    """Address of the service, for a mirror; default: the public one."""

    again: bool = flag()
    """Ask again for objects that were empty, not found or failed in an earlier run."""
