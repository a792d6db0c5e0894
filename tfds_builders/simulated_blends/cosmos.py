"""Galaxies of the COSMOS field: their parametric fits, and their images."""

from __future__ import annotations

import dataclasses
import functools

import galsim
import numpy as np
from etils import epath

from tfds_builders.simulated_blends.cosmos_tables import (
    FITS_COLUMNS,
    IMAGE_COLUMNS,
    find_table,
    galaxies_by_split,
    good_fits,
    read_table,
    selected_by_galsim,
)
from tfds_builders.simulated_blends.galaxies import SersicGalaxy
from tfds_builders.simulation.fourier import Component, Grid

__all__ = ["ParametricGalaxies", "RealGalaxies"]

# As `galsim.COSMOSCatalog.makeGalaxy` has them.
_INDEX_STEP = 0.05
_INDEX_LIMITS = (0.3, 6.0)

# Deconvolved images that are kept between two calls of `close`, some 0.3 MB each.
_KEPT_PROFILES = 256


class ParametricGalaxies:
    """The parametric fits of a COSMOS sample, as `galsim.COSMOSCatalog.makeGalaxy` reads them.

    One Sersic profile, or a de Vaucouleurs bulge and an exponential disc where these fit better.

    Args:
        folder: Where the sample is.
        faint: Limit in F814W, mag.
        counts: Counts of a source of one count per second with HST.
        rotate: Whether each galaxy is rotated at random whenever it is drawn.
        catalogue: Name of the file with the fits; None to look for it.
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
        self._counts = counts
        self._rotate = rotate

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[SersicGalaxy]:
        """Draws different galaxies; see `GalaxySource`."""
        chosen = rng.choice(self.members[split], number, replace=False, shuffle=False)
        angles = rng.uniform(0, np.pi, number) * self._rotate
        return [self._galaxy(int(i), float(angle)) for i, angle in zip(chosen, angles, strict=True)]

    def close(self) -> None:
        """Does nothing: the table is all there is."""

    def _galaxy(self, index: int, angle: float) -> SersicGalaxy:
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
    """The image of a galaxy without the PSF through which it was seen; attributes as `Intrinsic`.

    Attributes:
        profile: Flux in counts.
    """

    profile: galsim.GSObject
    flux: float
    half_light_radius: float
    catalogue_index: int
    reach: float

    def transform(self, grid: Grid) -> np.ndarray:
        step = 2 * np.pi / (grid.size * grid.pixel_scale)
        image = self.profile.drawKImage(nx=grid.size, ny=grid.size, scale=step, bandpass=None)
        return np.fft.ifftshift(image.array)[:, : grid.size // 2 + 1].astype(np.complex64)


class RealGalaxies:
    """The images of a COSMOS sample with their PSFs, deconvolved as `galsim.RealGalaxy` does.

    Args:
        folder: Where the sample is.
        faint: Limit in F814W, mag.
        counts: Counts of a source of one count per second with HST.
        rotate: Whether each galaxy is rotated at random whenever it is drawn.
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
        _check_images(rows[usable], path)
        self.path = path
        self._rows = rows
        self._counts = counts
        self._rotate = rotate
        self._radii = _half_light_radii(path, rows)
        self._profiles: dict[int, tuple[galsim.RealGalaxy, float]] = {}

    def draw(self, rng: np.random.Generator, split: str, number: int) -> list[RealGalaxy]:
        """Draws different galaxies; see `GalaxySource`."""
        chosen = rng.choice(self.members[split], number, replace=False, shuffle=False)
        angles = rng.uniform(0, 2 * np.pi, number) * self._rotate
        return [self._galaxy(int(i), float(angle)) for i, angle in zip(chosen, angles, strict=True)]

    def close(self) -> None:
        """Closes the files, of which astropy keeps every image that was read."""
        self._catalogue.close()
        if len(self._profiles) == _KEPT_PROFILES:
            self._profiles.clear()

    @functools.cached_property
    def _catalogue(self) -> galsim.RealGalaxyCatalog:
        return galsim.RealGalaxyCatalog(self.path.name, dir=str(self.path.parent))

    def _galaxy(self, index: int, angle: float) -> RealGalaxy:
        profile, reach = self._profile(index)
        profile = profile.rotate(angle * galsim.radians) * self._counts
        return RealGalaxy(profile, float(profile.flux), float(self._radii[index]), index, reach)

    def _profile(self, index: int) -> tuple[galsim.RealGalaxy, float]:
        """Returns the galaxy in counts per second with HST, and half the diagonal of its image."""
        if index in self._profiles:
            return self._profiles[index]
        row = self._rows[index]
        try:
            image = self._catalogue.getGalImage(index)
            psf = self._catalogue.getPSFImage(index)
            # Neither padded with noise nor whitened: its noise is far below that of the survey,
            # and the image of the noise is not needed.
            scale = float(row["PIXEL_SCALE"])
            profile = galsim.RealGalaxy((image, psf, None, scale, float(row["NOISE_VARIANCE"])))
        except (OSError, IndexError, AttributeError, TypeError, ValueError) as error:
            name = _text(row["GAL_FILENAME"])
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{self.path.parent / name}: image {row['GAL_HDU']} of galaxy {row['IDENT']} is "
                f"not readable ({reason})"
            ) from None
        if not np.isfinite(image.array).all():
            name = _text(row["GAL_FILENAME"])
            raise ValueError(
                f"{self.path.parent / name}: image {row['GAL_HDU']} of galaxy {row['IDENT']} has "
                "pixels that are NaN or infinite"
            )
        found = profile, 0.5 * scale * float(np.hypot(*image.array.shape))
        if len(self._profiles) < _KEPT_PROFILES:
            self._profiles[index] = found
        return found


def _text(value: bytes | str) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()


def _check_images(rows: np.ndarray, path: epath.Path) -> None:
    names = {_text(name) for key in ("GAL_FILENAME", "PSF_FILENAME") for name in rows[key]}
    missing = sorted(name for name in names if not (path.parent / name).exists())
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise FileNotFoundError(f"{path}: its images {missing[0]}{more} must lie beside it")


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
