"""Simulated objects one by one or many at once, the same whatever the number of processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import joblib
import numpy as np

from tfds_builders.compression import compress
from tfds_builders.simulation.drawing import (
    CLOSEST,
    draw_sources,
    nearest_neighbour,
    place_sources,
)
from tfds_builders.simulation.observation import FIELDS, SEEING_SCATTER, draw_field
from tfds_builders.simulation.photometry import measure_fluxes
from tfds_builders.simulation.population import draw_object
from tfds_builders.surveys import Survey, asinh_magnitude

__all__ = ["Sky", "simulate", "simulate_many"]

# Objects handed to a process at once, and before results are waited for: bounds the memory.
_CHUNK = 32
_BLOCK = 2048


@dataclasses.dataclass(frozen=True)
class Sky:
    """Settings of a simulated catalogue.

    Attributes:
        survey: Camera and bands, u g r i z.
        size: Pixels on a side of a stamp.
        bright: Lower limit of the objects in r, mag.
        faint: Upper limit of the objects in r, mag.
        seed: Every object follows from it and from its own index.
        seeing_scatter: Scatter of the seeing from field to field, standard deviation of its ln.
        crowding: Density of the neighbours in units of that of the counts.
        closest: Least distance of a faint neighbour, arcsec.
    """

    survey: Survey
    size: int
    bright: float
    faint: float
    seed: int
    seeing_scatter: float = SEEING_SCATTER
    crowding: float = 1.0
    closest: float = CLOSEST


def simulate(sky: Sky, index: int) -> dict[str, Any]:
    """Returns an object's image, label, truth and measured magnitudes, by feature name."""
    rng = np.random.default_rng((sky.seed, 0, index))
    number = int(rng.integers(FIELDS))
    field = draw_field(sky.survey, sky.seed, number, sky.seeing_scatter)
    target = draw_object(rng, sky.bright, sky.faint)
    sources = place_sources(target, sky.survey, sky.size, rng, sky.crowding, sky.closest)
    image = draw_sources(sources, field, sky.survey, sky.size, rng)
    psf_flux, model_flux = measure_fluxes(image, field, sky.survey)
    return {
        "image": image,
        "label": target.label,
        "magnitude": target.magnitude.astype(np.float32),
        "half_light_radius": target.half_light_radius,
        "sersic_index": target.sersic_index,
        "ellipticity": target.ellipticity,
        "redshift": target.redshift,
        "seeing": np.array(field.seeing, np.float32),
        "field": number,
        "neighbour_distance": nearest_neighbour(sources, sky.survey.pixel_scale),
        "psf_magnitude": asinh_magnitude(psf_flux).astype(np.float32),
        "model_magnitude": asinh_magnitude(model_flux).astype(np.float32),
    }


def simulate_many(
    sky: Sky, indices: Sequence[int], processes: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (index, example) in the order of `indices`, the image packed by `compress`.

    Args:
        sky: What is simulated.
        indices: Of the objects.
        processes: Number of processes; None for one per core, at most 8.
    """
    if processes is None:
        processes = min(8, joblib.cpu_count())
    if processes == 1 or len(indices) <= _CHUNK:
        for index in indices:
            yield index, _simulate_packed(sky, index)
        return
    # joblib's processes do not run the caller's main module again, as those of multiprocessing do.
    with joblib.Parallel(n_jobs=processes, return_as="generator", pre_dispatch="all") as pool:
        for start in range(0, len(indices), _BLOCK):
            block = indices[start : start + _BLOCK]
            chunks = [block[i : i + _CHUNK] for i in range(0, len(block), _CHUNK)]
            results = pool(joblib.delayed(_simulate_chunk)(sky, chunk) for chunk in chunks)
            for chunk, examples in zip(chunks, results, strict=True):
                yield from zip(chunk, examples, strict=True)


def _simulate_chunk(sky: Sky, indices: Sequence[int]) -> list[dict[str, Any]]:
    return [_simulate_packed(sky, index) for index in indices]


def _simulate_packed(sky: Sky, index: int) -> dict[str, Any]:
    example = simulate(sky, index)
    return example | {"image": compress(example["image"])}
