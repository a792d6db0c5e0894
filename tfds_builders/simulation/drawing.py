"""Images of objects as the survey would see them."""

from __future__ import annotations

import galsim
import numpy as np

from tfds_builders.simulation.observation import Field
from tfds_builders.simulation.population import Object, draw_object, surface_density
from tfds_builders.surveys import Survey, flux_from_magnitude

__all__ = ["NEIGHBOUR_LIMITS", "draw_stamp"]

# r magnitudes of the neighbours; fainter ones are lost in the noise.
NEIGHBOUR_LIMITS = (16.0, 22.5)

# Drawing errors stay below the noise of the faint and 1 % of the flux of the bright.
_ACCURACY = galsim.GSParams(folding_threshold=1e-2, maxk_threshold=3e-3)


def draw_stamp(
    target: Object, field: Field, survey: Survey, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws an object with its neighbours and noise, background subtracted.

    The object lies within half a pixel of the centre. Neighbours come with the density of the
    counts. Noise is Gaussian, with the variance of the background and of the sources' own photons;
    pixels are rounded to the field's quantum, as a digitised image is.

    Args:
        target: What to draw.
        field: Seeing and noise.
        survey: Pixel scale and photons per flux.
        size: Pixels on a side.
        rng: Source of offsets, neighbours and noise.

    Returns:
        (size, size, bands) float32, nanomaggies per pixel.
    """
    sources = [(target, rng.uniform(-0.5, 0.5, size=2) * survey.pixel_scale)]
    sources += _draw_neighbours(rng, size * survey.pixel_scale)
    profiles = [_profile(each) for each, _ in sources]
    stamp = np.empty((size, size, len(survey.bands)), np.float32)
    electrons = survey.electrons_per_nanomaggy
    for band in range(len(survey.bands)):
        psf = field.psf(band)
        image = galsim.ImageF(size, size, scale=survey.pixel_scale)
        for (source, (x, y)), profile in zip(sources, profiles, strict=True):
            seen = psf if profile is None else galsim.Convolve(profile, psf, gsparams=_ACCURACY)
            flux = float(flux_from_magnitude(source.magnitude[band]))
            (seen * flux).drawImage(
                image,
                offset=(x / survey.pixel_scale, y / survey.pixel_scale),
                method="no_pixel",
                add_to_image=True,
            )
        signal = image.array.astype(np.float64)
        variance = field.noise_sigma[band] ** 2 + np.maximum(signal, 0) / electrons[band]
        noisy = signal + np.sqrt(variance) * rng.normal(size=signal.shape)
        quantum = field.quantum[band]
        stamp[:, :, band] = np.round(noisy / quantum) * quantum
    return stamp


def _draw_neighbours(rng: np.random.Generator, side: float) -> list[tuple[Object, np.ndarray]]:
    density = sum(surface_density(name, *NEIGHBOUR_LIMITS) for name in ("star", "galaxy"))
    # A margin of two arcsec, for the wings of what lies just outside.
    reach = side / 2 + 2.0
    neighbours = []
    for _ in range(rng.poisson(density * (2 * reach / 3600) ** 2)):
        source = draw_object(rng, *NEIGHBOUR_LIMITS)
        offset = rng.uniform(-reach, reach, size=2)
        if np.hypot(*offset) >= _separation_limit(float(source.magnitude[2])):
            neighbours.append((source, offset))
    return neighbours


def _separation_limit(r: float) -> float:
    """Returns the distance (arcsec) within which a neighbour would swallow the target.

    The survey would list the pair as one object, or as a child of a bright one, so that there is
    no such stamp. The brighter the neighbour, the farther it reaches.
    """
    return 5.0 + 1.0 * max(0.0, 21.0 - r)


def _profile(source: Object) -> galsim.GSObject | None:
    """Returns the intrinsic light profile, flux 1; None for a point."""
    if source.half_light_radius == 0:
        return None
    radius = source.half_light_radius
    profile: galsim.GSObject
    if source.sersic_index == 0.5:
        profile = galsim.Gaussian(half_light_radius=radius)
    elif source.sersic_index == 1:
        profile = galsim.Exponential(half_light_radius=radius)
    else:
        # Galaxies end somewhere: SDSS cuts its de Vaucouleurs models at 8 radii.
        profile = galsim.Sersic(source.sersic_index, half_light_radius=radius, trunc=8 * radius)
    shear = galsim.Shear(q=1 - source.ellipticity, beta=source.position_angle * galsim.radians)
    return profile.shear(shear)
