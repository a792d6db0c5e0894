"""Images of objects as the survey would see them."""

from __future__ import annotations

import numpy as np

from tfds_builders.simulation.fourier import Component, fitting_grid
from tfds_builders.simulation.observation import Field
from tfds_builders.simulation.population import Object, draw_object, surface_density
from tfds_builders.surveys import Survey, flux_from_magnitude

__all__ = [
    "CLOSEST",
    "NEIGHBOUR_LIMITS",
    "draw_sources",
    "draw_stamp",
    "nearest_neighbour",
    "place_sources",
]

# r magnitudes of the neighbours; fainter ones are lost in the noise.
NEIGHBOUR_LIMITS = (16.0, 22.5)

CLOSEST = 5.0
"""Least distance of a faint neighbour, arcsec: nearer ones a survey lists as one object."""

# Grids on which stamps are drawn, pixels; light that leaves a grid on one side enters on the other.
_GRIDS = (96, 128, 192, 256, 384, 512)
# Radius, arcsec, beyond which a PSF has 0.5 % of its light.
_PSF_REACH = 8.0
# Half-light radii at which galaxies end: SDSS cuts its de Vaucouleurs models there.
_TRUNCATION = 8.0


def place_sources(
    target: Object,
    survey: Survey,
    size: int,
    rng: np.random.Generator,
    crowding: float = 1.0,
    closest: float = CLOSEST,
) -> list[tuple[Object, np.ndarray]]:
    """Returns an object and its neighbours with their offsets from the centre, arcsec.

    The object, the first, lies within half a pixel of the centre.

    Args:
        target: The object.
        survey: Pixel scale.
        size: Pixels on a side of the stamp.
        rng: Source of offsets and neighbours.
        crowding: Density of the neighbours in units of that of the counts.
        closest: Least distance of a faint neighbour, arcsec; bright ones keep more.
    """
    sources = [(target, rng.uniform(-0.5, 0.5, size=2) * survey.pixel_scale)]
    return sources + _draw_neighbours(rng, size * survey.pixel_scale, crowding, closest)


def nearest_neighbour(sources: list[tuple[Object, np.ndarray]], pixel_scale: float) -> float:
    """Returns the distance of the nearest neighbour from the object, px; infinity without any.

    Args:
        sources: What `place_sources` returned.
        pixel_scale: Arcsec per pixel.
    """
    (_, centre), *others = sources
    distances = (np.hypot(*(offset - centre)) / pixel_scale for _, offset in others)
    return float(min(distances, default=np.inf))


def draw_stamp(
    target: Object, field: Field, survey: Survey, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws an object with neighbours of the density of the counts, and noise.

    Args:
        target: The object.
        field: Seeing and noise.
        survey: Pixel scale and photons per flux.
        size: Pixels on a side.
        rng: Source of offsets, neighbours and noise.

    Returns:
        (size, size, bands) float32, nanomaggies per pixel.
    """
    return draw_sources(place_sources(target, survey, size, rng), field, survey, size, rng)


def draw_sources(
    sources: list[tuple[Object, np.ndarray]],
    field: Field,
    survey: Survey,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws sources and noise, background subtracted.

    Noise is Gaussian, with the variance of the background and of the sources' own photons; pixels
    are rounded to the field's quantum, as a digitised image is.

    Args:
        sources: What `place_sources` returned.
        field: Seeing and noise.
        survey: Pixel scale and photons per flux.
        size: Pixels on a side.
        rng: Source of the noise.

    Returns:
        (size, size, bands) float32, nanomaggies per pixel.
    """
    signal = _draw(sources, field, survey.pixel_scale, size)
    background, electrons, quantum = (
        np.array(values, np.float32)[:, None, None]
        for values in (field.noise_sigma, survey.electrons_per_nanomaggy, field.quantum)
    )
    variance = background**2 + np.maximum(signal, 0) / electrons
    noise = rng.standard_normal(signal.shape, np.float32)
    noisy = signal + np.sqrt(variance) * noise
    return np.ascontiguousarray(np.moveaxis(np.round(noisy / quantum) * quantum, 0, -1))


def _draw(
    sources: list[tuple[Object, np.ndarray]], field: Field, pixel_scale: float, size: int
) -> np.ndarray:
    """Returns sources at their offsets (arcsec) under the PSF, (bands, size, size) float32."""
    profiles = [_profile(source) for source, _ in sources]
    reach = [
        np.abs(offset).max() + (_PSF_REACH if profile is None else profile.reach)
        for (_, offset), profile in zip(sources, profiles, strict=True)
    ]
    side = size / 2 + max(reach) / pixel_scale
    grid = fitting_grid(side, _GRIDS, pixel_scale)
    shapes = []
    for (_, offset), profile in zip(sources, profiles, strict=True):
        shape = np.ones_like(grid.pixel) if profile is None else profile.transform(grid)
        # The centre of a stamp of even size lies half a pixel before that of its middle pixel.
        x, y = offset / pixel_scale - 0.5 * (size % 2 == 0)
        shapes.append(grid.shifted(shape, x, y))
    flux = flux_from_magnitude(np.array([source.magnitude for source, _ in sources]))
    # Not a product of matrices, whose rounding depends on the processor and on its threads.
    light = np.einsum("sb,syx->byx", flux.astype(np.float32), np.array(shapes))
    return grid.image(light * field.psf_transforms(grid.size, pixel_scale), size)


def _draw_neighbours(
    rng: np.random.Generator, side: float, crowding: float, closest: float
) -> list[tuple[Object, np.ndarray]]:
    density = sum(surface_density(name, *NEIGHBOUR_LIMITS) for name in ("star", "galaxy"))
    # A margin of two arcsec, for the wings of what lies just outside.
    reach = side / 2 + 2.0
    neighbours = []
    for _ in range(rng.poisson(crowding * density * (2 * reach / 3600) ** 2)):
        source = draw_object(rng, *NEIGHBOUR_LIMITS)
        offset = rng.uniform(-reach, reach, size=2)
        if np.hypot(*offset) >= _separation_limit(float(source.magnitude[2]), closest):
            neighbours.append((source, offset))
    return neighbours


def _separation_limit(r: float, closest: float) -> float:
    """Returns the distance (arcsec) within which a neighbour would swallow the target.

    The survey would list the pair as one object, or as a child of a bright one, so that there is
    no such stamp. The brighter the neighbour, the farther it reaches.
    """
    return closest + 1.0 * max(0.0, 21.0 - r)


def _profile(source: Object) -> Component | None:
    """Returns the intrinsic light profile, flux 1; None for a point."""
    if source.half_light_radius == 0:
        return None
    return Component(
        1.0,
        source.half_light_radius,
        source.sersic_index,
        1 - source.ellipticity,
        source.position_angle,
        truncation=_TRUNCATION if source.sersic_index > 1 else 0.0,
    )
