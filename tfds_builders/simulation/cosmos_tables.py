"""COSMOS catalogues as GalSim distributes them: files and usable rows."""

from __future__ import annotations

import astropy.io.fits
import galsim
import numpy as np
from etils import epath

from tfds_builders.splits import SPLITS, split_of

__all__ = [
    "ACS_ZEROPOINT",
    "FITS_COLUMNS",
    "IMAGE_COLUMNS",
    "find_table",
    "galaxies_by_split",
    "good_fits",
    "read_table",
    "selected_by_galsim",
]

# AB magnitude of one count per second in the F814W images (GalSim, `COSMOSCatalog`).
ACS_ZEROPOINT = 25.94

FITS_COLUMNS = (
    "IDENT",
    "mag_auto",
    "sersicfit",
    "bulgefit",
    "fit_status",
    "use_bulgefit",
    "viable_sersic",
    "hlr",
    "flux",
)
IMAGE_COLUMNS = (
    "IDENT",
    "MAG",
    "GAL_FILENAME",
    "PSF_FILENAME",
    "GAL_HDU",
    "PSF_HDU",
    "PIXEL_SCALE",
    "NOISE_VARIANCE",
    "stamp_flux",
)

# Names by which a table is looked for, the deeper sample first; then any other FITS table.
_PREFERRED = ("25.2", "23.5")
# Flux of the fit against that of the catalogue, mag: a cut of GalSim's level "marginal".
_MAX_MAGNITUDE_ERROR = 0.8


def find_table(
    folder: epath.Path, columns: tuple[str, ...], catalogue: str | None
) -> tuple[epath.Path, np.ndarray]:
    """Finds the FITS table with some columns in a folder or in the folders in it.

    Args:
        folder: Where to look.
        columns: Which the table must have.
        catalogue: Name of its file; None to take the F814W < 25.2 sample before the 23.5 one,
            before any other.

    Returns:
        Its path and its rows.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the named one lacks columns or is not readable.
    """
    if catalogue is not None:
        candidates = [path for path in _tables(folder) if path.name == catalogue]
        if not candidates:
            raise FileNotFoundError(f"{folder}: there is no file {catalogue}")
        return candidates[0], read_table(candidates[0], columns)
    for path in _tables(folder):
        if set(columns) <= set(_column_names(path)):
            return path, read_table(path, columns)
    raise FileNotFoundError(
        f"{folder}: no FITS table with the columns {', '.join(columns)}; it must hold a COSMOS "
        "sample as galsim_download_cosmos lays it out"
    )


def read_table(path: epath.Path, columns: tuple[str, ...]) -> np.ndarray:
    """Reads the first table of a FITS file.

    Raises:
        ValueError: if it is not readable or lacks columns; the message names the file.
    """
    try:
        with path.open("rb") as file, astropy.io.fits.open(file) as hdus:
            rows = np.array(hdus[1].data)
    except Exception as error:  # Astropy raises anything for a broken file.
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not a readable FITS table ({reason})") from None
    missing = [name for name in columns if name not in (rows.dtype.names or ())]
    if missing:
        raise ValueError(f"{path}: column {', '.join(missing)} is missing")
    return rows


def good_fits(rows: np.ndarray) -> np.ndarray:
    """Returns which rows have parametric fits to be trusted, (rows,) bool.

    The cuts of `galsim.COSMOSCatalog(exclusion_level="marginal")` that need no further file: both
    fits converged, no large galaxy with a very high Sersic index, flux within 0.8 mag of the
    catalogue's; and a model that can be drawn.

    Args:
        rows: With `FITS_COLUMNS`.
    """
    sersic, bulge = rows["fit_status"][:, 4], rows["fit_status"][:, 0]
    good = (sersic > 0) & (sersic < 5) & (bulge > 0) & (bulge < 5)
    good &= (rows["sersicfit"][:, 2] < 5) | (rows["hlr"][:, 0] < 1)
    two = rows["use_bulgefit"] != 0
    flux = np.where(two, rows["flux"][:, 1] + rows["flux"][:, 2], rows["flux"][:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = ACS_ZEROPOINT - 2.5 * np.log10(flux)
        good &= np.abs(magnitude - rows["mag_auto"]) < _MAX_MAGNITUDE_ERROR
    parts_exist = (rows["flux"][:, 1:3] >= 0).all(axis=1)
    parts_exist &= (rows["hlr"][:, 1:3] > 0).all(axis=1)
    parts_exist &= (rows["bulgefit"][:, [3, 11]] > 0).all(axis=1)
    single = (rows["viable_sersic"] != 0) & (rows["hlr"][:, 0] > 0) & (rows["sersicfit"][:, 3] > 0)
    return good & np.where(two, parts_exist, single)


def selected_by_galsim(path: epath.Path) -> np.ndarray | None:
    """Returns the rows that GalSim's cuts on the stamps leave, None if their file is not there.

    Args:
        path: Of the table, `<name>_fits.fits` or `<name>.fits`; the file with the numbers to cut
            on is `<name>_selection.fits`.
    """
    name = path.name.removesuffix(".fits").removesuffix("_fits")
    if not (path.parent / f"{name}_selection.fits").exists():
        return None
    if not (path.parent / f"{name}_fits.fits").exists():
        return None
    sample = galsim.COSMOSCatalog(
        f"{name}.fits", dir=str(path.parent), use_real=False, exclusion_level="marginal"
    )
    return sample.orig_index


def galaxies_by_split(
    rows: np.ndarray, usable: np.ndarray, path: epath.Path
) -> dict[str, np.ndarray]:
    """Returns the usable rows of each split.

    The split follows from a galaxy's number in the COSMOS catalogue (`IDENT`), so that it is the
    same in every sample that numbers galaxies so.

    Args:
        rows: With a column `IDENT`.
        usable: (rows,) bool.
        path: For the message.

    Raises:
        ValueError: if a split has fewer than two galaxies.
    """
    indices = np.flatnonzero(usable)
    splits = np.array([split_of(f"cosmos-{rows['IDENT'][index]}") for index in indices], object)
    members = {split: indices[splits == split] for split in SPLITS}
    for split, galaxies in members.items():
        if len(galaxies) < 2:
            raise ValueError(
                f"{path}: {len(indices)} usable galaxies are too few: split {split} must have at "
                f"least 2, got {len(galaxies)}"
            )
    return members


def _tables(folder: epath.Path) -> list[epath.Path]:
    candidates = [*folder.glob("*.fits"), *folder.glob("*/*.fits")]

    def rank(path: epath.Path) -> tuple[int, int, str]:
        sample = next((i for i, name in enumerate(_PREFERRED) if name in path.name), 2)
        # Examples are small.
        return ("example" in path.name, sample, str(path))

    return sorted(candidates, key=rank)


def _column_names(path: epath.Path) -> list[str]:
    try:
        with path.open("rb") as file, astropy.io.fits.open(file) as hdus:
            # To count the extensions, Astropy would follow a negative size back, and never end.
            return list(hdus[1].columns.names)
    except Exception:  # As in `read_table`; there may be no table.
        return []
