"""Scenes above the atmosphere: a galaxy of several coloured components, and its neighbours."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.galaxy_zoo_decals import structures
from tfds_builders.galaxy_zoo_decals.structures import Canvas
from tfds_builders.galaxy_zoo_decals.truth import Truth
from tfds_builders.simulation.colours import galaxy_colours
from tfds_builders.simulation.fourier import Component, Grid
from tfds_builders.simulation.population import draw_object, surface_density
from tfds_builders.surveys import flux_from_magnitude

__all__ = ["Light", "galaxy_lights", "neighbour_lights"]

# Spectral types (0 E, 1 Sbc, 2 Scd, 3 Im) of the parts of galaxies.
_OLD, _BULGE, _BAR, _DISK, _ARMS, _RING, _TAIL = 0.0, 0.15, 0.6, 1.3, 2.4, 2.0, 1.6
_TYPE_SCATTER = 0.25

# r magnitudes of what lies around; fainter ones are lost in the noise.
_NEIGHBOURS = (16.0, 22.5)
# Distance in half-light radii within which the survey would not call it another object.
_FREE = 1.3

# Part of g, r, z that a lane of dust takes (Calzetti et al. 2000 for the ratios).
_DUST = np.array([0.75, 0.62, 0.42])


@dataclasses.dataclass(frozen=True)
class Light:
    """Light of one shape and one colour.

    Attributes:
        shape: A Sersic profile of flux 1; an image of flux 1 and its pixel scale (arcsec); None
            for a point.
        flux: (3,), nanomaggies in g, r, z of DECam.
        g_i: Colour, mag, from which the fluxes in other cameras follow.
        offset: x and y from the centre of the image, arcsec.
    """

    shape: Component | tuple[np.ndarray, float] | None
    flux: np.ndarray
    g_i: float
    offset: tuple[float, float] = (0.0, 0.0)

    def transform(self, grid: Grid) -> np.ndarray:
        """Returns the Fourier transform of its shape, where it is."""
        if isinstance(self.shape, Component):
            values = self.shape.transform(grid)
        elif self.shape is None:
            values = np.ones_like(grid.pixel)
        else:
            values = grid.transform_of(*self.shape)
        if self.offset == (0.0, 0.0):
            return values
        x, y = (each / grid.pixel_scale for each in self.offset)
        return grid.shifted(values, x, y)


class _Painter:
    """Makes lights of one galaxy.

    Args:
        truth: The galaxy.
        rng: Source of the scatter of its colours and of the details of its structures.
    """

    def __init__(self, truth: Truth, rng: np.random.Generator):
        self.truth = truth
        self.rng = rng
        self._redder = _TYPE_SCATTER * rng.normal()
        self.lights: list[Light] = []

    def add(
        self,
        shape: Component | tuple[np.ndarray, float],
        share: float,
        spectral_type: float,
        offset: tuple[float, float] = (0.0, 0.0),
        hidden: np.ndarray | float = 1.0,
    ) -> None:
        """Adds a part with a share of the light in r."""
        # Early types scatter less.
        kind = float(np.clip(spectral_type + self._redder * min(spectral_type + 0.3, 1.0), 0, 3))
        _, g, _, i, z = galaxy_colours(kind, self.truth.redshift)
        flux = flux_from_magnitude(self.truth.magnitude + np.array([g, 0.0, z])) * share * hidden
        self.lights.append(Light(shape, flux, float(g - i), offset))

    def sersic(self, radius: float, index: float, ratio: float, angle: float) -> Component:
        """Returns a Sersic profile of flux 1 with a half-light radius along its major axis."""
        return Component(1.0, radius * np.sqrt(ratio), index, ratio, angle)


def galaxy_lights(truth: Truth, rng: np.random.Generator) -> list[Light]:
    """Returns the parts of a galaxy, with the companions, tails and streams of its merging.

    Args:
        truth: The galaxy.
        rng: Source of what the truth does not say.
    """
    painter = _Painter(truth, rng)
    merging = truth.answers.get("merging", "none")
    rest = 1.0 if merging == "none" else _disturb(painter, merging)
    if truth.smooth or truth.artefact:
        shape = painter.sersic(
            truth.radius, truth.sersic_index, truth.axis_ratio, truth.position_angle
        )
        painter.add(shape, rest, _OLD)
    elif truth.edge_on:
        _edge_on(painter, rest)
    else:
        _face_on(painter, rest)
    return painter.lights


def _face_on(painter: _Painter, rest: float) -> None:
    truth, rng = painter.truth, painter.rng
    scale = truth.scale_length
    canvas = Canvas(5 * scale, truth.axis_ratio, truth.position_angle)
    # Bulges are rounder than disks.
    ratio = 1 - 0.5 * (1 - truth.axis_ratio)
    bulge = truth.bulge_fraction * rest
    if bulge > 0.002:
        size = truth.bulge_radius * scale
        shape = painter.sersic(size, truth.sersic_index, ratio, truth.position_angle)
        painter.add(shape, bulge, _BULGE)
    disk = rest - bulge
    angle = rng.uniform(0, np.pi)
    if truth.bar_length:
        share = truth.bar_fraction * rest
        length = truth.bar_length * scale
        image = structures.bar(canvas, length, truth.bar_ratio, angle)
        painter.add((image, canvas.pixel_scale), share, _BAR)
        disk -= share
    # Arms begin where the bar ends.
    start = max(truth.bar_length * 0.95, 0.35)
    if truth.ring:
        share = rng.uniform(0.16, 0.30) * disk
        radius = max(rng.uniform(1.1, 1.9), truth.bar_length) * scale
        image = structures.ring(canvas, radius, rng.uniform(0.13, 0.2) * scale, rng)
        painter.add((image, canvas.pixel_scale), share, _RING)
        disk -= share
    if truth.arm_number:
        share = truth.arm_fraction * disk
        sense = 1 if rng.uniform() < 0.5 else -1
        image = structures.arms(
            canvas, scale, truth.arm_number, truth.pitch_angle, start, sense, rng
        )
        painter.add((image, canvas.pixel_scale), share, _ARMS)
        disk -= share
    shape = painter.sersic(1.678 * scale, 1.0, truth.axis_ratio, truth.position_angle)
    painter.add(shape, disk, _DISK)


def _edge_on(painter: _Painter, rest: float) -> None:
    truth, rng = painter.truth, painter.rng
    scale = truth.scale_length
    canvas = Canvas(4.8 * scale, 1.0, truth.position_angle)
    bulge = truth.bulge_fraction * rest
    size = truth.bulge_radius * scale
    if truth.answers["edge-on-bulge"] == "boxy":
        image = structures.boxy(canvas, 1.5 * size, rng.uniform(0.55, 0.7))
        painter.add((image, canvas.pixel_scale), bulge, _BULGE)
    elif bulge > 0.002:
        shape = painter.sersic(
            size, truth.sersic_index, rng.uniform(0.7, 0.9), truth.position_angle
        )
        painter.add(shape, bulge, _BULGE)
    height = truth.axis_ratio * scale
    disk = structures.edge_on_disk(canvas, scale, height)
    painter.add((disk, canvas.pixel_scale), rest - bulge, _DISK)
    if rng.uniform() < 0.4:
        dust = disk * structures.lane(canvas, scale, 0.35 * height)
        hidden = float(dust.sum())
        shape = ((dust / hidden).astype(np.float32), canvas.pixel_scale)
        painter.add(shape, -hidden * (rest - bulge), _DISK, hidden=_DUST)


def _disturb(painter: _Painter, merging: str) -> float:
    """Adds companions, tails and streams; returns the share of the light that is left."""
    truth, rng = painter.truth, painter.rng
    radius = truth.radius
    angle = rng.uniform(0, 2 * np.pi)
    canvas = Canvas(7 * radius, 1.0, 0.0)
    sense = 1 if rng.uniform() < 0.5 else -1
    size = (1.0 if truth.smooth else 1.678) * radius

    def add_tail(angle: float, share: float, reach: float, turn: float, width: float) -> None:
        start = (0.9 * radius * np.cos(angle), 0.9 * radius * np.sin(angle))
        image = structures.tail(canvas, start, reach, turn, width * radius)
        kind = _OLD + 0.4 if truth.smooth else _TAIL
        painter.add((image, canvas.pixel_scale), share, kind)

    if merging == "merger":
        companion = rng.uniform(0.22, 0.48)
        distance = rng.uniform(1.1, 2.4) * radius
        offset = (distance * np.cos(angle), distance * np.sin(angle))
        ratio = rng.uniform(0.45, 0.95)
        shape = painter.sersic(
            radius * np.sqrt(companion), float(rng.choice((1.0, 2.0))), ratio, rng.uniform(0, np.pi)
        )
        painter.add(shape, companion, _BULGE if truth.smooth else _DISK, offset)
        turn = sense * rng.uniform(0.7, 1.8)
        far = rng.uniform(3.0, 5.0)
        add_tail(angle + np.pi, rng.uniform(0.06, 0.13), far, turn, 0.24)
        add_tail(angle, rng.uniform(0.06, 0.13), far, turn, 0.24)
        return 0.8 - companion
    if merging == "major-disturbance":
        add_tail(angle, rng.uniform(0.10, 0.18), 3.2, sense * rng.uniform(0.8, 1.6), 0.4)
        add_tail(angle + 2.4, rng.uniform(0.05, 0.12), 2.6, sense * rng.uniform(0.5, 1.2), 0.45)
        offset = (0.5 * radius * np.cos(angle), 0.5 * radius * np.sin(angle))
        painter.add(painter.sersic(size, 1.0, 0.75, angle), 0.2, _TAIL, offset)
        return 0.55
    add_tail(angle, rng.uniform(0.03, 0.06), 3.0, sense * rng.uniform(0.6, 1.6), 0.25)
    if rng.uniform() < 0.5:
        distance = rng.uniform(1.6, 2.6) * radius
        offset = (distance * np.cos(angle), distance * np.sin(angle))
        painter.add(painter.sersic(0.25 * radius, 1.0, 0.8, 0.0), 0.05, _TAIL, offset)
    return 0.9


def neighbour_lights(truth: Truth, half_width: float, rng: np.random.Generator) -> list[Light]:
    """Returns stars and galaxies around, with the density of the counts.

    Args:
        truth: The galaxy; there is nothing just before it.
        half_width: Of the image, arcsec.
        rng: Source of their number, places and kinds.
    """
    density = sum(surface_density(name, *_NEIGHBOURS) for name in ("star", "galaxy"))
    reach = half_width + 2.0
    lights = []
    for _ in range(rng.poisson(density * (2 * reach / 3600) ** 2)):
        source = draw_object(rng, *_NEIGHBOURS)
        x, y = rng.uniform(-reach, reach, size=2)
        if np.hypot(x, y) < _FREE * truth.radius and not truth.artefact:
            continue
        shape = None
        if source.half_light_radius:
            shape = Component(
                1.0,
                source.half_light_radius,
                source.sersic_index,
                1 - source.ellipticity,
                source.position_angle,
            )
        flux = flux_from_magnitude(source.magnitude[[1, 2, 4]])
        g_i = float(source.magnitude[1] - source.magnitude[3])
        lights.append(Light(shape, flux, g_i, (float(x), float(y))))
    return lights
