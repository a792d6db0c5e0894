"""Images of galaxies in u g r i z, made of the components of their spectra."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.sdss_galaxies.population import Galaxies
from tfds_builders.simulation.drawing import draw_sources, place_sources
from tfds_builders.simulation.observation import Field
from tfds_builders.simulation.population import Object
from tfds_builders.surveys import NANOMAGGY_ZEROPOINT, Survey

__all__ = ["draw_image", "measure_magnitudes"]

_GALAXY = 1
# Sersic indices of old stars and of the others; each costs a table, so they are fixed.
_BULGE_INDEX, _DISK_INDEX = 4.0, 1.0
# Half-light radii of the bulge and the disk relative to that of all light, which lies between them.
_BULGE_SIZE, _DISK_SIZE = 0.6, 1.15
_ROUNDEST_BULGE = 0.7
# Share of the pixels' noise in the aperture of a model magnitude, and floor of its error, mag.
_APERTURE = 1.4
_LEAST_ERROR = 0.01
# Fluxes below this, nanomaggies, are not drawn.
_LEAST_FLUX = 1e-6


def draw_image(
    galaxies: Galaxies,
    row: int,
    fluxes: np.ndarray,
    field: Field,
    survey: Survey,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws a galaxy as a bulge of its old stars, a disk of the others and a point for the nucleus.

    Each component has the colours of its own spectrum, so that the image as a whole has those of
    the galaxy's spectrum.

    Args:
        galaxies: Sizes and shapes.
        row: Of the galaxy.
        fluxes: (3, bands), nanomaggies, as `ModelSpectra.fluxes` has them.
        field: Seeing and noise.
        survey: Pixel scale and photons per flux.
        size: Pixels on a side.
        rng: Source of the offset, neighbours and noise.

    Returns:
        (size, size, bands) float32, nanomaggies per pixel.
    """
    radius, axis_ratio = galaxies.half_light_radius[row], galaxies.axis_ratio[row]
    old_share = galaxies.weights[row, 0]
    magnitudes = NANOMAGGY_ZEROPOINT - 2.5 * np.log10(np.maximum(fluxes, _LEAST_FLUX))
    # The bulge of a galaxy without a disk is the galaxy.
    bulge = Object(
        label=_GALAXY,
        magnitude=magnitudes[0],
        half_light_radius=radius * (_BULGE_SIZE + (1 - _BULGE_SIZE) * old_share),
        sersic_index=_BULGE_INDEX,
        ellipticity=1 - (1 - old_share) * max(_ROUNDEST_BULGE, axis_ratio) - old_share * axis_ratio,
        position_angle=galaxies.position_angle[row],
    )
    disk = dataclasses.replace(
        bulge,
        magnitude=magnitudes[1],
        half_light_radius=radius * _DISK_SIZE,
        sersic_index=_DISK_INDEX,
        ellipticity=1 - axis_ratio,
    )
    (_, offset), *neighbours = place_sources(bulge, survey, size, rng)
    sources = [(bulge, offset), (disk, offset)]
    if galaxies.is_broad[row]:
        sources.append((Object(label=0, magnitude=magnitudes[2]), offset))
    return draw_sources([*sources, *neighbours], field, survey, size, rng)


def measure_magnitudes(
    fluxes: np.ndarray,
    half_light_radius: float,
    field: Field,
    survey: Survey,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns magnitudes as a survey measures them, and their errors.

    The noise is that of the sky in an aperture that holds the galaxy, that of its photons, and an
    error of calibration of 0.01 mag.

    Args:
        fluxes: (bands,), total, nanomaggies.
        half_light_radius: Arcsec.
        field: Seeing and noise.
        survey: Pixel scale and photons per flux.
        rng: Source of the noise.

    Returns:
        Two arrays (bands,) float32, mag; fluxes that noise has made negative have -9999, as SDSS
        marks them.
    """
    radius = _APERTURE * np.hypot(half_light_radius, np.array(field.seeing) / 2)
    pixels = np.pi * (radius / survey.pixel_scale) ** 2
    photons = np.maximum(fluxes, 0) / survey.electrons_per_nanomaggy
    variance = pixels * np.array(field.noise_sigma) ** 2 + photons
    sigma = np.hypot(np.sqrt(variance), _LEAST_ERROR * fluxes / 1.0857)
    measured = fluxes + sigma * rng.standard_normal(len(fluxes))
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = NANOMAGGY_ZEROPOINT - 2.5 * np.log10(measured)
        error = 1.0857 * sigma / measured
    good = measured > 0
    return (
        np.where(good, magnitude, -9999).astype(np.float32),
        np.where(good, error, -9999).astype(np.float32),
    )
