"""Observed galaxies in the rest frame, from the files of a folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from etils import epath

from tfds_builders.compression import compress
from tfds_builders.left_out import LeftOut
from tfds_builders.sdss_galaxies.resampling import pixel_edges, resample
from tfds_builders.sdss_galaxies.spectrograph import BAD, NO_DATA, SKY
from tfds_builders.sdss_galaxies.spectrum_files import (
    Redshift,
    Spectrum,
    read_redshifts,
    read_spectra,
)
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME
from tfds_builders.splits import group_by_split

__all__ = ["ObservedGalaxies", "index_folder", "rest_frame"]

# Remote file systems have no "**".
_PATTERNS = ("*.fits", "*.fits.gz", "*/*.fits", "*/*.fits.gz")
# Share of the bins that must have data.
_LEAST_DATA = 0.2


@dataclasses.dataclass(frozen=True)
class ObservedGalaxies:
    """The galaxies of one file of the dataset, as `tfds_builders.beam_shards.ShardExamples`.

    Attributes:
        members: Path and identifier of each galaxy, those of one file next to each other.
        redshifts: Those of the DESI targets among them.
    """

    members: tuple[tuple[str, str], ...]
    redshifts: dict[str, Redshift]

    def __len__(self) -> int:
        return len(self.members)

    def __call__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the identifiers and features of the galaxies."""
        for path in dict.fromkeys(path for path, _ in self.members):
            for spectrum in read_spectra(epath.Path(path), self.redshifts):
                # Another file may repeat an object.
                if isinstance(spectrum, Spectrum) and (path, spectrum.identifier) in self.members:
                    yield spectrum.identifier, rest_frame(spectrum)


def index_folder(
    folder: epath.Path, size: int, left_out: LeftOut, kinds: tuple[str, ...]
) -> dict[str, list[ObservedGalaxies]]:
    """Reads and checks every file once; returns the files of each split of the dataset.

    What is kept of a spectrum is its name, so that memory does not grow with their number.

    Args:
        folder: With FITS files, and redrock tables of DESI coadds; also in its subfolders.
        size: Galaxies in a file of the dataset.
        left_out: Told of each unusable file or spectrum, and of what is missing in the others.
        kinds: Classes of the pipelines that are taken, in capitals.

    Raises:
        FileNotFoundError: if there is no FITS file.
        ValueError: if too few are usable, or as `left_out` decides.
    """
    paths = sorted(path for pattern in _PATTERNS for path in folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"{folder}: no .fits files")
    tables = [path for path in paths if path.name.startswith(("redrock", "zbest"))]
    tables += [path for path in paths if "redrock" in path.name and path not in tables]
    redshifts = read_redshifts(tables)
    places: dict[str, str] = {}
    for path in paths:
        if path in tables:
            continue
        try:
            for spectrum in read_spectra(path, redshifts):
                try:
                    if isinstance(spectrum, str):
                        raise ValueError(spectrum)
                    where = f"{path}: {spectrum.identifier}"
                    _check(spectrum, where, kinds)
                    if spectrum.identifier in places:
                        raise ValueError(f"{where} is already in {places[spectrum.identifier]}")
                except ValueError as error:
                    left_out.add(str(error))
                    continue
                for note in spectrum.notes:
                    left_out.keep(f"{where}: {note} (the spectrum is kept)")
                places[spectrum.identifier] = str(path)
        except ValueError as error:
            left_out.add(str(error))
    shards: dict[str, list[ObservedGalaxies]] = {}
    for split, identifiers in group_by_split(places).items():
        parts = [identifiers[i : i + size] for i in range(0, len(identifiers), size)]
        shards[split] = [
            ObservedGalaxies(
                tuple((places[name], name) for name in part),
                {name: redshifts[name] for name in part if name in redshifts},
            )
            for part in parts
        ]
    return shards


def rest_frame(spectrum: Spectrum) -> dict[str, Any]:
    """Returns the features of a spectrum, moved to the rest frame and resampled.

    F_lambda is multiplied by 1 + z, so that its integral stays what it was. Arms of one spectrum
    are averaged with their inverse variances as weights.
    """
    flux, inverse_variance, mask = _rest_frame(spectrum)
    redshift = spectrum.redshift
    return {
        "id": spectrum.identifier,
        "spectrum": compress(flux),
        "inverse_variance": compress(inverse_variance),
        "spectrum_mask": compress(mask, runs=True),
        "redshift": redshift.value,
        "redshift_error": redshift.error,
        "redshift_warning": redshift.warning,
        "class": redshift.kind,
        "subclass": redshift.subclass,
    }


def _rest_frame(spectrum: Spectrum) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stretch = 1 + spectrum.redshift.value
    total, weight = np.zeros(REST_FRAME.number), np.zeros(REST_FRAME.number)
    covered, sky = np.zeros(REST_FRAME.number), np.zeros(REST_FRAME.number, bool)
    for arm in spectrum.arms:
        edges = pixel_edges(arm.wavelength) / stretch
        inverse_variance = np.where(arm.sky, 0.0, arm.inverse_variance) / stretch**2
        flux, of_arm, share = resample(edges, arm.flux * stretch, inverse_variance, REST_FRAME)
        total += flux * of_arm
        weight += of_arm
        covered = np.maximum(covered, share)
        bright = edges[:-1][arm.sky]
        place = np.searchsorted(REST_FRAME.edges, bright) - 1
        sky[place[(place >= 0) & (place < REST_FRAME.number)]] = True
    has_data = weight > 0
    mask = np.where(has_data, 0, np.where(covered < 0.5, NO_DATA, np.where(sky, SKY, BAD)))
    flux = np.divide(total, weight, out=np.zeros_like(total), where=has_data)
    return flux.astype(np.float32), weight.astype(np.float32), mask.astype(np.uint8)


def _check(spectrum: Spectrum, where: str, kinds: tuple[str, ...]) -> None:
    redshift = spectrum.redshift
    if redshift is None:
        raise ValueError(
            f"{where}: no redshift (SPECOBJ or SPALL of SDSS, a redrock table of DESI)"
        )
    if redshift.kind not in kinds:
        raise ValueError(f"{where}: class must be {' or '.join(kinds)}; got {redshift.kind!r}")
    if not (np.isfinite(redshift.value) and redshift.value >= 0):
        raise ValueError(f"{where}: redshift must be at least 0; got {redshift.value}")
    if not any(np.any(arm.inverse_variance > 0) for arm in spectrum.arms):
        raise ValueError(f"{where}: all inverse variances are 0")
    first = min(arm.wavelength[0] for arm in spectrum.arms) / (1 + redshift.value)
    last = max(arm.wavelength[-1] for arm in spectrum.arms) / (1 + redshift.value)
    _, _, mask = _rest_frame(spectrum)
    share = np.mean(mask == 0)
    if share < _LEAST_DATA:
        low, high = REST_FRAME.edges[[0, -1]]
        raise ValueError(
            f"{where}: {_LEAST_DATA:.0%} of the bins from {low:.0f} to {high:.0f} A must have "
            f"data; got {share:.0%}, of {first:.0f} to {last:.0f} A in the rest frame"
        )
