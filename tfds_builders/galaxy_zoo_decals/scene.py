"""Scenes above the atmosphere: a galaxy of several coloured components, and its neighbours."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfds_builders.galaxy_zoo_decals.truth import Truth
from tfds_builders.simulation import structures
from tfds_builders.simulation.colours import galaxy_colours
from tfds_builders.simulation.fourier import Component
from tfds_builders.simulation.light import Light
from tfds_builders.simulation.population import draw_object, surface_density
from tfds_builders.simulation.structures import Canvas, SpiralPattern
from tfds_builders.surveys import flux_from_magnitude

__all__ = ["ColouredLight", "galaxy_lights", "neighbour_lights"]

# Spectral types (0 E, 1 Sbc, 2 Scd, 3 Im) of the parts of galaxies.
_OLD, _BULGE, _BAR, _DISK, _ARMS, _RING, _TAIL = 0.0, 0.15, 0.6, 1.3, 2.4, 2.0, 1.6
_KNOTS, _IRREGULAR = 3.0, 2.7
_TYPE_SCATTER = 0.25

# r magnitudes of what lies around; fainter ones are lost in the noise.
_NEIGHBOURS = (16.0, 22.5)
# Distance in half-light radii within which the survey would not call it another object.
_FREE = 1.3

# Part of g, r, z that a lane of dust takes (Calzetti et al. 2000 for the ratios).
_DUST = np.array([0.75, 0.62, 0.42])

# Shares of the light below this are not drawn.
_LEAST = 0.002


@dataclasses.dataclass(frozen=True, kw_only=True)
class ColouredLight(Light):
    """Light whose fluxes are those in g, r, z of DECam, in nanomaggies.

    Attributes:
        g_i: Colour, mag, from which the fluxes in other cameras follow.
    """

    g_i: float


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
        self.lights: list[ColouredLight] = []

    def add(
        self,
        shape: Component | tuple[np.ndarray, float],
        share: float,
        spectral_type: float,
        offset: tuple[float, float] = (0.0, 0.0),
        hidden: np.ndarray | float = 1.0,
    ) -> None:
        """Adds a part with a share of the light in r.

        Args:
            shape: As of a `Light`.
            share: Of all light of the galaxy.
            spectral_type: 0 (E) to 3 (Im).
            offset: x and y, arcsec.
            hidden: Factor of the light in g, r, z.
        """
        # Early types scatter less.
        kind = float(np.clip(spectral_type + self._redder * min(spectral_type + 0.3, 1.0), 0, 3))
        _, g, _, i, z = galaxy_colours(kind, self.truth.redshift)
        flux = flux_from_magnitude(self.truth.magnitude + np.array([g, 0.0, z])) * share * hidden
        self.lights.append(ColouredLight(shape, flux, offset, g_i=float(g - i)))

    def sersic(self, radius: float, index: float, ratio: float, angle: float) -> Component:
        """Returns a Sersic profile of flux 1 with a half-light radius along its major axis."""
        return Component(1.0, radius * np.sqrt(ratio), index, ratio, angle)


def galaxy_lights(truth: Truth, rng: np.random.Generator) -> list[ColouredLight]:
    """Returns the parts of a galaxy, with the companions, tails and streams of its merging.

    Args:
        truth: The galaxy.
        rng: Source of what the truth does not say.
    """
    painter = _Painter(truth, rng)
    rest = 1.0 if truth.artefact else _disturb(painter)
    if truth.smooth or truth.artefact:
        shape = painter.sersic(
            truth.radius, truth.sersic_index, truth.axis_ratio, truth.position_angle
        )
        painter.add(shape, rest, _OLD)
    elif truth.kind == "irregular":
        _irregular(painter, rest)
    elif truth.from_the_side:
        _from_the_side(painter, rest)
    else:
        _inclined(painter, rest)
    return painter.lights


def _inclined(painter: _Painter, rest: float) -> None:
    truth, rng = painter.truth, painter.rng
    scale = truth.scale_length
    canvas = Canvas(5 * scale, truth.axis_ratio, truth.position_angle)
    pixels = canvas.pixel_scale
    # Bulges are rounder than disks.
    ratio = 1 - 0.5 * (1 - truth.axis_ratio)
    bulge = truth.bulge_fraction * rest
    if bulge > _LEAST:
        size = truth.bulge_radius * scale
        shape = painter.sersic(size, truth.sersic_index, ratio, truth.position_angle)
        painter.add(shape, bulge, _BULGE)
    disk = rest - bulge
    angle = rng.uniform(0, np.pi)
    bar = truth.bar_fraction * rest
    if bar > _LEAST:
        image = structures.bar(canvas, truth.bar_length * scale, truth.bar_ratio, angle)
        painter.add((image, pixels), bar, _BAR)
        disk -= bar
    ring = truth.ring_fraction * disk
    if ring > _LEAST:
        radius = max(rng.uniform(1.1, 1.9), truth.bar_length) * scale
        image = structures.ring(canvas, radius, rng.uniform(0.13, 0.2) * scale, rng)
        painter.add((image, pixels), ring, _RING)
        disk -= ring
    # Arms begin where the bar ends, if it is strong enough to drive them.
    start = max(truth.bar_length * 0.95 * min(3 * truth.bar_strength, 1.0), 0.35)
    pattern = SpiralPattern.draw(truth.arm_number, truth.pitch_angle, truth.pitch_slope, start, rng)
    arms = truth.arm_fraction * disk
    if arms > _LEAST:
        image = structures.arms(canvas, scale, pattern, truth.flocculence, truth.pitch_angle, rng)
        stars = rng.uniform(0.0, 0.2) * arms
        number = int(rng.poisson(12 * truth.arm_fraction / 0.4))
        if number:
            young = structures.knots(canvas, image, number, rng.uniform(0.15, 0.5), rng)
            painter.add((young, pixels), stars, _KNOTS)
        painter.add((image, pixels), arms - stars if number else arms, _ARMS)
        disk -= arms
    shape = painter.sersic(1.678 * scale, 1.0, truth.axis_ratio, truth.position_angle)
    painter.add(shape, disk, _DISK)
    if arms > _LEAST and truth.dust > 0.1:
        x, y = canvas.disk()
        light = np.exp(-np.hypot(x, y) / np.float32(scale))
        lanes = light * structures.dust_lanes(canvas, scale, pattern) / light.sum()
        _hide(painter, lanes, pixels, truth.dust * (1 - truth.flocculence) * disk)


def _from_the_side(painter: _Painter, rest: float) -> None:
    truth, rng = painter.truth, painter.rng
    scale = truth.scale_length
    canvas = Canvas(4.8 * scale, 1.0, truth.position_angle)
    pixels = canvas.pixel_scale
    bulge = truth.bulge_fraction * rest
    if bulge > _LEAST:
        image = structures.edge_on_bulge(
            canvas, truth.bulge_radius * scale, rng.uniform(0.55, 0.9), truth.boxiness
        )
        painter.add((image, pixels), bulge, _BULGE)
    height = truth.axis_ratio * scale
    disk = structures.edge_on_disk(canvas, scale, height, truth.warp * scale)
    painter.add((disk, pixels), rest - bulge, _DISK)
    if truth.dust > 0.1:
        _hide(
            painter,
            disk * structures.lane(canvas, scale, 0.35 * height),
            pixels,
            truth.dust * (rest - bulge),
        )


def _irregular(painter: _Painter, rest: float) -> None:
    truth, rng = painter.truth, painter.rng
    canvas = Canvas(5 * truth.scale_length, truth.axis_ratio, truth.position_angle)
    image = structures.irregular(canvas, truth.scale_length, rng)
    stars = rng.uniform(0.1, 0.35) * rest
    young = structures.knots(canvas, image, 3 + int(rng.poisson(6)), rng.uniform(0.2, 0.6), rng)
    painter.add((young, canvas.pixel_scale), stars, _KNOTS)
    painter.add((image, canvas.pixel_scale), rest - stars, _IRREGULAR)


def _hide(painter: _Painter, light: np.ndarray, pixel_scale: float, share: float) -> None:
    """Takes the light of an image, whose sum is below 1, away as dust does."""
    hidden = float(light.sum())
    if hidden > 1e-4:
        shape = ((light / hidden).astype(np.float32), pixel_scale)
        painter.add(shape, -hidden * share, _DISK, hidden=_DUST)


def _disturb(painter: _Painter) -> float:
    """Adds a companion, tails and lopsidedness; returns the share of the light that is left."""
    truth, rng = painter.truth, painter.rng
    strength, radius = truth.disturbance, truth.radius
    angle = rng.uniform(0, 2 * np.pi)
    rest = 1.0
    if truth.companion:
        distance = truth.companion_distance * radius
        shape = painter.sersic(
            radius * np.sqrt(truth.companion),
            float(rng.choice((1.0, 2.0))),
            rng.uniform(0.45, 0.95),
            rng.uniform(0, np.pi),
        )
        offset = (distance * np.cos(angle), distance * np.sin(angle))
        painter.add(shape, truth.companion, _BULGE if truth.smooth else _DISK, offset)
        rest -= truth.companion
    canvas = Canvas(7 * radius, 1.0, 0.0)
    sense = 1 if rng.uniform() < 0.5 else -1
    for direction, share in ((angle, 0.22), (angle + np.pi + 0.5 * rng.normal(), 0.14)):
        light = strength * share * rng.uniform(0.4, 1.0)
        if light < _LEAST:
            continue
        start = (0.9 * radius * np.cos(direction), 0.9 * radius * np.sin(direction))
        reach, turn = rng.uniform(2.2, 5.0), sense * rng.uniform(0.4, 1.8)
        image = structures.tail(canvas, start, reach, turn, rng.uniform(0.22, 0.45) * radius)
        painter.add((image, canvas.pixel_scale), light, _OLD + 0.4 if truth.smooth else _TAIL)
        rest -= light
    light = 0.22 * strength
    if light > _LEAST:
        size = (1.0 if truth.smooth else 1.678) * radius
        offset = (0.5 * radius * np.cos(angle), 0.5 * radius * np.sin(angle))
        painter.add(painter.sersic(size, 1.0, 0.75, angle), light, _TAIL, offset)
        rest -= light
    return rest


def neighbour_lights(
    truth: Truth, half_width: float, rng: np.random.Generator
) -> list[ColouredLight]:
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
        lights.append(ColouredLight(shape, flux, (float(x), float(y)), g_i=g_i))
    return lights
