"""FITS files of SDSS, BOSS, eBOSS and DESI spectra."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Sequence

import astropy.io.fits
import numpy as np
from astropy.utils.exceptions import AstropyWarning
from etils import epath

from tfds_builders.sdss_galaxies.resampling import air_to_vacuum

__all__ = ["Arm", "Redshift", "Spectrum", "read_redshifts", "read_spectra"]

# Tables with the redshift in SDSS files, and the bit of `and_mask` of bright sky lines.
_SDSS_TABLES = ("SPECOBJ", "SPALL", "SPZBEST")
_BRIGHT_SKY = 1 << 23
_DESI_ARMS = ("B", "R", "Z")
_ARM_PARTS = ("WAVELENGTH", "FLUX", "IVAR", "MASK")
_NEEDED = {
    *("COADD", *_SDSS_TABLES, "FIBERMAP", "REDSHIFTS"),
    *(f"{arm}_{part}" for arm in _DESI_ARMS for part in _ARM_PARTS),
}
# Errors of Astropy for damaged files and missing columns.
_BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError)


@dataclasses.dataclass(frozen=True)
class Redshift:
    """Redshift and kind of an object.

    Attributes:
        value: NaN if it is missing.
        error: Standard deviation.
        kind: "GALAXY", "QSO" or "STAR" as the pipeline has it.
        subclass: Of the pipeline; empty for none.
        warning: 0 if the pipeline has none.
    """

    value: float
    error: float
    kind: str
    subclass: str
    warning: int


@dataclasses.dataclass(frozen=True)
class Arm:
    """A part of a spectrum on pixels of its own.

    Attributes:
        wavelength: (pixels,), A in vacuum, ascending.
        flux: (pixels,), 1e-17 erg / (s cm2 A).
        inverse_variance: (pixels,), 0 for bad pixels.
        sky: (pixels,), whether a bright sky line left residuals.
    """

    wavelength: np.ndarray
    flux: np.ndarray
    inverse_variance: np.ndarray
    sky: np.ndarray


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """A spectrum as observed.

    Attributes:
        identifier: spec-PLATE-MJD-FIBER or the DESI target.
        arms: One of SDSS, up to three of DESI.
        redshift: None if no table has one.
        notes: What is missing or was taken for bad, without a name.
    """

    identifier: str
    arms: Sequence[Arm]
    redshift: Redshift | None
    notes: Sequence[str] = ()


def read_spectra(path: epath.Path, redshifts: dict[str, Redshift]) -> Iterator[Spectrum | str]:
    """Yields the spectra of a file, and a line for each that it cannot give.

    HDUs count by their names, in any order.

    Args:
        path: FITS file.
        redshifts: Those of DESI targets, see `read_redshifts`.

    Raises:
        ValueError: if the file is damaged or of another kind.
    """
    with _opened(path) as hdus:
        names = {hdu.name for hdu in hdus}
        if "COADD" in names or (len(hdus) > 1 and "loglam" in _columns(hdus[1])):
            yield _sdss(path, hdus)
        elif any(f"{arm}_FLUX" in names for arm in _DESI_ARMS):
            yield from _desi(path, hdus, redshifts)
        else:
            raise ValueError(
                f"{path}: must have an HDU COADD (SDSS) or B_FLUX, R_FLUX, Z_FLUX (DESI coadds); "
                f"got {', '.join(sorted(filter(None, names)))}"
            )


def read_redshifts(paths: Sequence[epath.Path]) -> dict[str, Redshift]:
    """Returns the redshifts of DESI targets in redrock tables, by target.

    Args:
        paths: FITS files, of which those without an HDU `REDSHIFTS` are passed over.
    """
    redshifts: dict[str, Redshift] = {}
    for path in paths:
        try:
            with _opened(path) as hdus:
                table = hdus["REDSHIFTS"].data
                for row in table:
                    redshifts[str(row["TARGETID"])] = Redshift(
                        float(row["Z"]),
                        float(row["ZERR"]),
                        str(row["SPECTYPE"]).strip(),
                        str(row["SUBTYPE"]).strip(),
                        int(row["ZWARN"]),
                    )
        except _BROKEN:
            continue  # A damaged file of spectra is reported where it is read.
    return redshifts


@contextlib.contextmanager
def _opened(path: epath.Path) -> Iterator[astropy.io.fits.HDUList]:
    """Opens a FITS file and reads what is needed of it; its faults are one line that names it."""
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            hdus = astropy.io.fits.open(stream, memmap=False)
            for place, hdu in enumerate(hdus):
                # Files have dozens more: single exposures, resolution matrices.
                if place == 1 or hdu.name in _NEEDED:
                    _ = hdu.data
    except _BROKEN as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from None
    yield hdus


def _columns(hdu: astropy.io.fits.hdu.base.ExtensionHDU) -> list[str]:
    return [name.lower() for name in hdu.columns.names] if hasattr(hdu, "columns") else []


def _sdss(path: epath.Path, hdus: astropy.io.fits.HDUList) -> Spectrum | str:
    coadd = hdus["COADD"] if "COADD" in hdus else hdus[1]
    missing = [name for name in ("flux", "loglam", "ivar") if name not in _columns(coadd)]
    if missing:
        return f"{path}: column {', '.join(missing)} of COADD is missing"
    data = coadd.data
    wavelength = 10 ** np.asarray(data["loglam"], float)
    notes = []
    if hdus[0].header.get("VACUUM", True) is False:
        wavelength = air_to_vacuum(wavelength)
        notes.append("wavelengths in air, converted")
    sky = np.zeros(len(wavelength), bool)
    if "and_mask" in _columns(coadd):
        sky = (np.asarray(data["and_mask"], np.int64) & _BRIGHT_SKY) != 0
    arm = _arm(wavelength, data["flux"], data["ivar"], sky, notes)
    table = next((hdus[name] for name in _SDSS_TABLES if name in hdus), None)
    redshift = None
    if table is not None and {"z", "class"} <= {*_columns(table)}:
        row, names = table.data[0], _columns(table)

        def value(name: str, default: object) -> object:
            return row[name] if name.lower() in names else default

        redshift = Redshift(
            float(value("Z", np.nan)),
            float(value("Z_ERR", np.nan)),
            str(value("CLASS", "")).strip(),
            str(value("SUBCLASS", "")).strip(),
            int(value("ZWARNING", 0)),
        )
    return Spectrum(path.name.partition(".")[0], [arm], redshift, notes)


def _desi(
    path: epath.Path, hdus: astropy.io.fits.HDUList, redshifts: dict[str, Redshift]
) -> Iterator[Spectrum | str]:
    if "FIBERMAP" not in hdus:
        raise ValueError(f"{path}: HDU FIBERMAP with the targets is missing")
    fibres = hdus["FIBERMAP"].data
    is_target = np.ones(len(fibres), bool)
    if "objtype" in _columns(hdus["FIBERMAP"]):
        is_target = np.array([str(kind).strip() == "TGT" for kind in fibres["OBJTYPE"]])
    for row in np.flatnonzero(is_target):
        target = str(fibres["TARGETID"][row])
        arms, notes, missing = [], [], []
        for arm in _DESI_ARMS:
            parts = [f"{arm}_{part}" for part in _ARM_PARTS[:3]]
            if any(name not in hdus for name in parts):
                missing.append(arm)
                continue
            wavelength, flux, inverse_variance = (hdus[name].data for name in parts)
            inverse_variance = np.array(inverse_variance[row], float)
            if f"{arm}_MASK" in hdus:
                inverse_variance[hdus[f"{arm}_MASK"].data[row] != 0] = 0
            no_sky = np.zeros(len(wavelength), bool)
            arms.append(_arm(wavelength, flux[row], inverse_variance, no_sky, notes))
        if missing:
            notes.append(f"no data of arm {', '.join(missing)}")
        if not arms:
            yield f"{path}: target {target}: no arm with wavelength, flux and ivar"
            continue
        yield Spectrum(target, arms, redshifts.get(target), notes)


def _arm(
    wavelength: np.ndarray,
    flux: np.ndarray,
    inverse_variance: np.ndarray,
    sky: np.ndarray,
    notes: list[str],
) -> Arm:
    """Returns an arm in ascending wavelengths, pixels that are not finite as bad ones."""
    order = np.argsort(wavelength, kind="stable")
    wavelength, flux, inverse_variance = (
        np.asarray(values, float)[order] for values in (wavelength, flux, inverse_variance)
    )
    broken = ~np.isfinite(flux) | ~np.isfinite(inverse_variance)
    wrong = np.count_nonzero(broken & (inverse_variance != 0))
    if wrong:
        notes.append(f"{wrong} of {len(flux)} pixels are NaN or infinite")
    good = ~broken & (inverse_variance > 0)
    return Arm(
        wavelength, np.where(good, flux, 0.0), np.where(good, inverse_variance, 0.0), sky[order]
    )
