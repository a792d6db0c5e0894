"""Galaxies of the COSMOS field: their parametric fits, and their images."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from etils import epath

from tfds_builders.simulation.cosmos_tables import (
    FITS_COLUMNS,
    IMAGE_COLUMNS,
    find_table,
    galaxies_by_split,
    good_fits,
    read_table,
    selected_by_galsim,
)
from tfds_builders.simulation.fits_images import read_image
from tfds_builders.simulation.fourier import Component, Grid
from tfds_builders.simulation.galaxies import SersicGalaxy

__all__ = ["ParametricGalaxies", "RealGalaxies"]

# As `galsim.COSMOSCatalog.makeGalaxy` has them.
_INDEX_STEP = 0.05
_INDEX_LIMITS = (0.3, 6.0)

# Galaxies whose images are kept, 0.1 MB each: all of a small sample.
_KEPT_IMAGES = 256


class ParametricGalaxies:
    """The parametric fits of a COSMOS sample, as `galsim.COSMOSCatalog.makeGalaxy` reads them.

    One Sersic profile, or a de Vaucouleurs bulge and an exponential disc where these fit better.

    Args:
        folder: Where the sample is.
        faint: Limit in F814W, mag.
        counts: Counts of a source of one count per second with HST.
        rotate: Whether each galaxy is rotated at random whenever it is drawn.
        catalogue: Name of the file with the fits; None to look for it.

    Attributes:
        members: Usable rows of each split.
        path: Of the table.
        magnitudes: (rows,), F814W.
    """

    def __init__(
        self, folder: str, faint: float, counts: float, rotate: bool, catalogue: str | None = None
    ):
        path, self._rows = find_table(epath.Path(folder), FITS_COLUMNS, catalogue)
        usable = good_fits(self._rows) & (self._rows["mag_auto"] < faint)
        selected = selected_by_galsim(path)
        if selected is not None:
            usable &= np.isin(np.arange(len(usable)), selected)
        self.members = galaxies_by_split(self._rows, usable, path)
        self.path = path
        self.magnitudes = np.asarray(self._rows["mag_auto"], np.float64)
        self._counts = counts
        self._rotate = rotate

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[SersicGalaxy]:
        """Draws different galaxies; see `GalaxySource`."""
        chosen = rng.choice(self.members[split], number, replace=False, shuffle=False)
        angles = rng.uniform(0, np.pi, number) * self._rotate
        return [self.galaxy(int(i), float(angle)) for i, angle in zip(chosen, angles, strict=True)]

    def redshift(self, index: int) -> float | None:
        """Returns the photometric redshift of a row, None if the table does not have it."""
        if "zphot" not in self._rows.dtype.names:
            return None
        redshift = float(self._rows["zphot"][index])
        return redshift if 0 < redshift < np.inf else None

    def galaxy(self, index: int, angle: float) -> SersicGalaxy:
        """Returns the galaxy of a row, turned by an angle in radians."""
        row = self._rows[index]
        flux, radius = row["flux"] * self._counts, row["hlr"]
        if row["use_bulgefit"]:
            fit = row["bulgefit"]
            components = (
                Component(flux[1], radius[1], 4.0, min(fit[11], 1.0), fit[15] + angle),
                Component(flux[2], radius[2], 1.0, min(fit[3], 1.0), fit[7] + angle),
            )
        else:
            fit = row["sersicfit"]
            sersic_index = float(np.clip(fit[2], *_INDEX_LIMITS))
            sersic_index = round(round(sersic_index / _INDEX_STEP) * _INDEX_STEP, 2)
            ratio = min(fit[3], 1.0)
            components = (Component(flux[0], radius[0], sersic_index, ratio, fit[7] + angle),)
        # That of the single profile, which has no closed form for the two together.
        return SersicGalaxy(components, float(radius[0]), index)


@dataclasses.dataclass(frozen=True)
class RealGalaxy:
    """The image of a galaxy without the PSF through which it was seen; see `Intrinsic`.

    Attributes:
        image: (rows, columns), counts.
        psf: (rows, columns), the PSF of the image, in the same orientation.
        pixel_scale: Of both, arcsec.
    """

    image: np.ndarray
    psf: np.ndarray
    pixel_scale: float
    half_light_radius: float
    catalogue_index: int

    @property
    def flux(self) -> float:
        return float(self.image.sum(dtype=np.float64))

    @property
    def reach(self) -> float:
        return 0.5 * self.pixel_scale * float(np.hypot(*self.image.shape))

    def transform(self, grid: Grid) -> np.ndarray:
        psf = grid.transform_of(self.psf, self.pixel_scale)
        psf /= psf[0, 0]
        return grid.transform_of(self.image, self.pixel_scale) / psf


class RealGalaxies:
    """The images of a COSMOS sample, deconvolved with their PSFs.

    Survey pixels see low wavenumbers only, where the PSF of HST is 1/2 at the least and neither
    deconvolution nor interpolation (which `galsim.RealGalaxy` needs for other wavenumbers) does
    harm. The noise of the images is left as it is, far below that of the survey.

    Args:
        folder: Where the sample is.
        faint: Limit in F814W, mag.
        counts: Counts of a source of one count per second with HST.
        rotate: Whether each galaxy is turned by a multiple of 90 degrees and mirrored at random
            whenever it is drawn.
        catalogue: Name of the file with the catalogue; None to look for it.
    """

    def __init__(
        self, folder: str, faint: float, counts: float, rotate: bool, catalogue: str | None = None
    ):
        path, rows = find_table(epath.Path(folder), IMAGE_COLUMNS, catalogue)
        usable = (rows["MAG"] < faint) & (rows["stamp_flux"] > 0)
        selected = selected_by_galsim(path)
        if selected is not None:
            usable &= np.isin(np.arange(len(usable)), selected)
        self.members = galaxies_by_split(rows, usable, path)
        self.path = path
        self._rows = rows
        self._counts = counts
        self._rotate = rotate
        self._files = {
            key: [_beside(path, _text(name)) for name in rows[key]]
            for key in ("GAL_FILENAME", "PSF_FILENAME")
        }
        self._check_files(usable)
        self._radii = _half_light_radii(path, rows)
        self._read = functools.lru_cache(_KEPT_IMAGES)(self._read_images)

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[RealGalaxy]:
        """Draws different galaxies; see `GalaxySource`."""
        chosen = rng.choice(self.members[split], number, replace=False, shuffle=False)
        turns = rng.integers(8, size=number) * self._rotate
        return [self._galaxy(int(i), int(turn)) for i, turn in zip(chosen, turns, strict=True)]

    def _galaxy(self, index: int, turn: int) -> RealGalaxy:
        image, psf = (_turned(each, turn) for each in self._read(index))
        scale = float(self._rows["PIXEL_SCALE"][index])
        return RealGalaxy(
            self._counts * image, psf, scale, float(self._radii[index]), catalogue_index=index
        )

    def _read_images(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return tuple(
            read_image(
                self._files[f"{name}_FILENAME"][index], int(self._rows[f"{name}_HDU"][index])
            )
            for name in ("GAL", "PSF")
        )

    def _check_files(self, usable: np.ndarray) -> None:
        wanted = {name for names in self._files.values() for name in np.array(names)[usable]}
        missing = sorted(epath.Path(name).name for name in wanted if not epath.Path(name).exists())
        if missing:
            more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
            raise FileNotFoundError(f"{self.path}: {missing[0]}{more} must lie beside it")


def _text(value: bytes | str) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()


def _beside(path: epath.Path, name: str) -> str:
    """Returns the path of a file that a catalogue names, which must lie beside it."""
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"{path}: files must be names without folders; got '{name}'")
    return str(path.parent / name)


def _turned(image: np.ndarray, turn: int) -> np.ndarray:
    """Returns one of the eight orientations of an image."""
    turned = np.rot90(image, turn % 4)
    return turned[::-1] if turn >= 4 else turned


def _half_light_radii(path: epath.Path, rows: np.ndarray) -> np.ndarray:
    """Returns the radii (arcsec) of the parametric fits, else SExtractor's, else zeros."""
    fits_path = path.with_name(f"{path.name.removesuffix('.fits')}_fits.fits")
    if not fits_path.exists():
        return np.zeros(len(rows))
    fits = read_table(fits_path, ())
    if len(fits) == len(rows) and "hlr" in fits.dtype.names:
        return fits["hlr"][:, 0]
    if len(fits) == len(rows) and "flux_radius" in fits.dtype.names:
        return fits["flux_radius"] * rows["PIXEL_SCALE"]
    return np.zeros(len(rows))
