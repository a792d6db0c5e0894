"""Artefacts of exposures: cosmic rays, bad columns, saturated stars."""

from __future__ import annotations

import numpy as np

from tfds_builders.simulation.cfht import Psf

__all__ = ["ARTEFACTS", "add_artefacts", "add_ray"]

ARTEFACTS = ("cosmic_ray", "bad_column", "saturated_star")

# Electrons that a pixel holds (MegaCam: 65,535 ADU of 1.67 electrons).
FULL_WELL = 1.1e5

# Electrons that a cosmic ray leaves per pixel of its track, and pixels of it: median and
# scatter of ln.
_RAY_CHARGE = (1500.0, 0.8)
_RAY_LENGTH = (3.0, 0.8)
_STAR_MAGNITUDES = (13.0, 16.5)
# Its wings are flatter than those of the PSF that the galaxies have. In pixels, not in wavenumbers,
# whose limits would ring around so bright a star.
_STAR_BETA = 3.0
# From the centre of the stamp, in units of its size.
_STAR_DISTANCES = (0.3, 0.65)
# Part of the light in each of the two lines of spikes.
_SPIKE_SHARE = 0.005


def add_artefacts(
    image: np.ndarray,
    psf: Psf,
    pixel_scale: float,
    zero_flux: float,
    fraction: float,
    rng: np.random.Generator,
) -> dict[str, bool]:
    """Adds artefacts to a stamp, in place.

    - cosmic rays: one to three straight tracks, not smoothed by the PSF;
    - bad column: one or two columns without signal, or with one that is too high, over the whole
      stamp or from some row to its edge;
    - saturated star: from just outside the stamp to its inside, but not on the central source,
      with diffraction spikes, cut at the full well, its surplus bled along the columns.

    Args:
        image: (size, size), electrons.
        psf: Of the stamp; the star has its FWHM.
        pixel_scale: Arcsec per pixel.
        zero_flux: Electrons from a source of magnitude 0.
        fraction: Probability of each.
        rng: Source of everything.

    Returns:
        For each of `ARTEFACTS` whether the stamp has it.
    """
    has = dict(zip(ARTEFACTS, (rng.uniform(size=3) < fraction).tolist(), strict=True))
    if has["saturated_star"]:
        _add_star(image, psf, pixel_scale, zero_flux, rng)
    if has["cosmic_ray"]:
        for _ in range(int(rng.integers(1, 3, endpoint=True))):
            add_ray(image, rng)
    if has["bad_column"]:
        _spoil_column(image, rng)
    np.minimum(image, FULL_WELL, out=image)
    return has


def add_ray(image: np.ndarray, rng: np.random.Generator, charge: float = _RAY_CHARGE[0]) -> None:
    """Adds a cosmic ray to an image, in place.

    Args:
        image: (size, size).
        rng: Source of place, length, direction and charge.
        charge: Median per pixel of the track.
    """
    size = image.shape[0]
    length = _RAY_LENGTH[0] * np.exp(_RAY_LENGTH[1] * rng.normal())
    charge *= np.exp(_RAY_CHARGE[1] * rng.normal())
    angle = rng.uniform(0, np.pi)
    start = rng.uniform(0, size - 1, 2)
    # Ten points to a pixel, so that its share of the track decides what it gets.
    steps = np.arange(0, max(length, 1.0), 0.1)
    rows = np.rint(start[0] + steps * np.sin(angle)).astype(int)
    columns = np.rint(start[1] + steps * np.cos(angle)).astype(int)
    inside = (rows >= 0) & (rows < size) & (columns >= 0) & (columns < size)
    np.add.at(image, (rows[inside], columns[inside]), 0.1 * charge)


def _spoil_column(image: np.ndarray, rng: np.random.Generator) -> None:
    size = image.shape[0]
    width = int(rng.integers(1, 2, endpoint=True))
    first = int(rng.integers(0, size - width + 1))
    start = int(rng.integers(0, size // 2)) if rng.uniform() < 0.5 else 0
    part = image[start:, first : first + width]
    if rng.uniform() < 0.5:
        part[:] = 0.0
    else:
        part += np.exp(rng.uniform(np.log(50.0), np.log(2000.0)))


def _add_star(
    image: np.ndarray, psf: Psf, pixel_scale: float, zero_flux: float, rng: np.random.Generator
) -> None:
    size = image.shape[0]
    distance, angle = size * rng.uniform(*_STAR_DISTANCES), rng.uniform(0, 2 * np.pi)
    x, y = distance * np.cos(angle), distance * np.sin(angle)
    flux = zero_flux * 10 ** (-0.4 * rng.uniform(*_STAR_MAGNITUDES))
    # What is bled comes from all of the star, so all of it is drawn.
    margin = size // 2
    rows, columns = np.indices((size + 2 * margin,) * 2) - (size + 2 * margin - 1) / 2
    rows, columns = rows - y, columns - x
    scale = 0.5 * psf.fwhm / pixel_scale / np.sqrt(2 ** (1 / _STAR_BETA) - 1)
    star = (1 + (rows**2 + columns**2) / scale**2) ** -_STAR_BETA
    star *= flux * (_STAR_BETA - 1) / (np.pi * scale**2)
    for along, across in ((rows, columns), (columns, rows)):
        spike = np.exp(-0.5 * (across / 0.8) ** 2) / (1 + (along / 4) ** 2)
        star += flux * _SPIKE_SHARE * spike / spike.sum()
    _bleed(star)
    image += star[margin : margin + size, margin : margin + size].astype(image.dtype)


def _bleed(star: np.ndarray) -> None:
    """Spreads what is above the full well up and down its column, half each, in place."""
    surplus = np.maximum(star - FULL_WELL, 0)
    np.minimum(star, FULL_WELL, out=star)
    for column in np.flatnonzero(surplus.any(axis=0)):
        rows = np.flatnonzero(surplus[:, column])
        half = 0.5 * surplus[:, column].sum()
        upwards = range(rows[-1] + 1, len(star))
        downwards = range(rows[0] - 1, -1, -1)
        for direction in (upwards, downwards):
            left = half
            for row in direction:
                taken = min(left, FULL_WELL - star[row, column])
                star[row, column] += taken
                left -= taken
                if left <= 0:
                    break
