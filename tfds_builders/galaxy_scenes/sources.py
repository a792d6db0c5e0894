"""Stars and galaxies: kinds, sizes, shapes, colours and the light of their parts.

Everything follows from the i magnitude of a source, so that all surveys see one sky.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.optimize
import scipy.special

from tfds_builders.galaxy_scenes.cameras import Camera, nanojansky
from tfds_builders.galaxy_scenes.spectra import HIGHEST_REDSHIFT, galaxy_colours, star_colours_in
from tfds_builders.simulation import structures
from tfds_builders.simulation.fourier import Component
from tfds_builders.simulation.light import Light
from tfds_builders.simulation.population import draw_star_colour
from tfds_builders.simulation.structures import Canvas, SpiralPattern

__all__ = [
    "CLASSES",
    "Painter",
    "Source",
    "draw_galaxy",
    "draw_redshift",
    "draw_star",
    "median_radius",
    "two_component_radius",
]

CLASSES = ("spheroid", "disk", "irregular", "point_source", "background")
"""Classes of pixels, in the order of Morpheus; sources have the first four."""

# Spectral types (0 E, 1 Sbc, 2 Scd, 3 Im) and their scatter.
_OLD, _BULGE, _DISK, _ARMS, _CLUMPS, _IRREGULAR = 0.0, 0.15, 1.5, 2.4, 3.0, 2.5
_TYPE_SCATTER = 0.3
# Spectral types per redshift by which galaxies were later: so that there are about as many in H as
# CANDELS has (Guo et al. 2013: 34,930 in the 173 square arcmin of GOODS-South).
_PASSIVE, _ACTIVE = 0.4, 1.2
# Sersic indices of spheroids; each costs a table.
_INDICES = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0)
# Half-light radii at which spheroids end, as in the de Vaucouleurs models of SDSS.
_TRUNCATION = 8.0
# Half-light radius of a bulge in that of its disk, and index.
_BULGE_SIZE, _BULGE_INDEX = 0.3, 3.0
# Share of the light below which a bulge is not drawn.
_LEAST_BULGE = 0.01
_DISK_THICKNESS = 0.2
# Half-light radius (px), and signal (sigma of the sky in the deepest band) per pixel of it, from
# which galaxies are drawn with structure; axis ratio from which disks have arms.
_RESOLVED, _BRIGHT, _FACE_ON = 3.0, 60.0, 0.35
# Exponential scale lengths in a half-light radius.
_SCALE_LENGTHS = 1.678


@dataclasses.dataclass(frozen=True)
class Source:
    """A star or galaxy above the atmosphere.

    Attributes:
        kind: Number of its class in `CLASSES`.
        lights: Its parts, fluxes in nanojansky.
        half_light_radius: Circularised (sqrt(a b)), of its smooth light, arcsec; 0 for a star.
        axis_ratio: b / a, of the disk if there is one; 1 for a star.
        position_angle: Of the major axis, radians from x towards y.
        redshift: 0 for a star.
        bulge_fraction: Share of the i light in a spheroid.
        clump_fraction: Share of the i light in clumps.
    """

    kind: int
    lights: tuple[Light, ...]
    half_light_radius: float = 0.0
    axis_ratio: float = 1.0
    position_angle: float = 0.0
    redshift: float = 0.0
    bulge_fraction: float = 0.0
    clump_fraction: float = 0.0

    @property
    def flux(self) -> np.ndarray:
        """Total flux, (bands,), nanojansky."""
        return np.sum([light.flux for light in self.lights], axis=0)

    @property
    def ellipticity(self) -> tuple[float, float]:
        """(e1, e2), with |e| = (a - b) / (a + b)."""
        size = (1 - self.axis_ratio) / (1 + self.axis_ratio)
        angle = 2 * self.position_angle
        return float(size * np.cos(angle)), float(size * np.sin(angle))


def draw_star(rng: np.random.Generator, i: float, camera: Camera) -> Source:
    """Draws a star of an i magnitude."""
    colours = star_colours_in(camera.bandpasses, draw_star_colour(rng, i + 0.4))
    return Source(CLASSES.index("point_source"), (Light(None, nanojansky(i + colours)),))


def draw_galaxy(
    rng: np.random.Generator, i: float, camera: Camera, redshift: float | None = None
) -> Source:
    """Draws a galaxy of an i magnitude.

        median radius    0.28 10^(-0.12 (i - 23)) arcsec, times 0.8 for spheroids and 1.1 for disks,
                         scatter of the ln 0.48
        redshift         N(z) ~ z^2 exp(-(z / z0)^1.5), median 0.40 + 0.10 (i - 20.2)
        spheroids        0.35 - 0.05 (i - 22) of all, 0.15 to 0.45
        irregulars       0.08 + 0.05 (i - 22) of all, 0.04 to 0.35; the rest are disks

    Args:
        rng: Source of everything.
        i: AB magnitude.
        camera: Bands, and pixels in which arms are resolved or not.
        redshift: That of the group to which it belongs; None to draw one.

    References:
        Radii follow the COSMOS F814W sample (Leauthaud et al. 2007, ApJS 172, 219) to i = 25.2.
        Redshifts: Baugh & Efstathiou 1993 (MNRAS 265, 145), with medians of COSMOS. Shares: of the
        order of Kartaltepe et al. 2015 (ApJS 221, 11).
    """
    if redshift is None:
        redshift = draw_redshift(rng, i)
    spheroids = float(np.clip(0.35 - 0.05 * (i - 22), 0.15, 0.45))
    irregulars = float(np.clip(0.08 + 0.05 * (i - 22), 0.04, 0.35))
    kind = int(rng.choice(3, p=(spheroids, 1 - spheroids - irregulars, irregulars)))
    radius = median_radius(i) * (0.8, 1.1, 1.0)[kind]
    radius = float(np.clip(radius * np.exp(0.48 * rng.normal()), 0.03, 4.0))
    painter = Painter(rng, i, redshift, camera)
    return (_spheroid, _disk, _irregular)[kind](painter, radius)


def median_radius(i: float) -> float:
    """Returns the median half-light radius (arcsec) of galaxies of an i magnitude."""
    return 0.28 * 10 ** (-0.12 * (i - 23))


def draw_redshift(rng: np.random.Generator, i: float) -> float:
    """Draws the redshift of a galaxy of an i magnitude."""
    # (z / z0)^1.5 has a gamma distribution; its median is 1.41 z0.
    median = max(0.05, 0.40 + 0.10 * (i - 20.2))
    return float(np.clip(median / 1.41 * rng.gamma(2.0) ** (1 / 1.5), 0.02, HIGHEST_REDSHIFT))


def two_component_radius(bulge: float, size: float, index: float) -> float:
    """Returns the half-light radius of a bulge and an exponential disk in that of the disk.

    Both have the same axis ratio.

    Args:
        bulge: Share of the light in the bulge.
        size: Half-light radius of the bulge in that of the disk.
        index: Sersic index of the bulge.
    """

    def excess(radius: float) -> float:
        inside = bulge * _enclosed(radius / size, index) + (1 - bulge) * _enclosed(radius, 1.0)
        return inside - 0.5

    return float(scipy.optimize.brentq(excess, 1e-3, 1.0 + 1e-6, xtol=1e-5))


def _enclosed(radius: float, index: float) -> float:
    scale = scipy.special.gammaincinv(2 * index, 0.5)
    return float(scipy.special.gammainc(2 * index, scale * radius ** (1 / index)))


class Painter:
    """Makes the lights of one galaxy.

    Args:
        rng: Source of its shape, of its structures and of the scatter of its colours.
        i: AB magnitude of all its light.
        redshift: Of its spectra.
        camera: Bands.
    """

    def __init__(self, rng: np.random.Generator, i: float, redshift: float, camera: Camera):
        self.rng = rng
        self.i = i
        self.redshift = redshift
        self.camera = camera
        self.angle = float(rng.uniform(0, np.pi))
        self._redder = _TYPE_SCATTER * rng.normal()
        self.lights: list[Light] = []

    def add(
        self,
        shape: Component | tuple[np.ndarray, float],
        share: float,
        spectral_type: float,
        offset: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Adds a part with a share of the light in i.

        Its spectral type is that of today; at a higher redshift it is a later one, by 0.4 z for the
        light of spheroids and by 1.2 z for that of all other parts. Bulges are among the latter:
        with passive evolution (`<=` below) they would be redder in distant disks. That would be
        more like the sky, but other bytes in every scene, so it waits for a VERSION that has a
        further reason to draw them all anew.
        """
        # Early types scatter less, and were early before.
        kind = spectral_type + self._redder * min(spectral_type + 0.3, 1.0)
        kind += self.redshift * (_PASSIVE if spectral_type < _BULGE else _ACTIVE)
        colours = galaxy_colours(self.camera.bandpasses, kind, self.redshift)
        self.lights.append(Light(shape, share * nanojansky(self.i + colours), offset))

    def is_resolved(self, radius: float) -> bool:
        """Returns whether the survey would see structure in a galaxy of this size (arcsec)."""
        pixels = radius / self.camera.pixel_scale
        signal = nanojansky(self.i) / self.camera.noise_sigma.min()
        return bool(pixels > _RESOLVED and signal / pixels > _BRIGHT)

    def source(self, kind: int, radius: float, axis_ratio: float, **shares: float) -> Source:
        return Source(
            kind,
            tuple(self.lights),
            radius,
            axis_ratio,
            self.angle,
            self.redshift,
            **shares,
        )


def _spheroid(painter: Painter, radius: float) -> Source:
    rng = painter.rng
    ratio = float(np.clip(rng.beta(5.0, 2.2), 0.25, 1.0))
    index = float(rng.choice(_INDICES))
    shape = Component(1.0, radius, index, ratio, painter.angle, _TRUNCATION)
    painter.add(shape, 1.0, _OLD)
    return painter.source(0, radius, ratio, bulge_fraction=1.0)


def _disk(painter: Painter, radius: float) -> Source:
    rng, angle = painter.rng, painter.angle
    cosine = rng.uniform()
    ratio = float(np.sqrt(cosine**2 * (1 - _DISK_THICKNESS**2) + _DISK_THICKNESS**2))
    bulge = float(min(rng.exponential(0.15), 0.5))
    if bulge < _LEAST_BULGE:
        bulge = 0.0
    disk_radius = radius / two_component_radius(bulge, _BULGE_SIZE, _BULGE_INDEX)
    if bulge:
        size = _BULGE_SIZE * disk_radius
        painter.add(Component(1.0, size, _BULGE_INDEX, ratio, angle), bulge, _BULGE)
    disk = 1 - bulge
    if ratio > _FACE_ON and painter.is_resolved(radius):
        disk -= _arms(painter, disk, disk_radius, ratio)
    painter.add(Component(1.0, disk_radius, 1.0, ratio, angle), disk, _DISK)
    return painter.source(1, radius, ratio, bulge_fraction=bulge)


def _arms(painter: Painter, disk: float, radius: float, ratio: float) -> float:
    """Adds spiral arms with knots of young stars; returns their share of all light."""
    rng = painter.rng
    # Of the circle in the plane of the disk.
    scale = radius / np.sqrt(ratio) / _SCALE_LENGTHS
    canvas = Canvas(5 * scale, ratio, painter.angle)
    number, pitch = int(rng.choice((2, 3, 4), p=(0.6, 0.2, 0.2))), float(rng.uniform(10, 30))
    pattern = SpiralPattern.draw(number, pitch, float(rng.normal(0, 1.5)), 0.4, rng)
    image = structures.arms(canvas, scale, pattern, float(rng.uniform(0, 0.8)), pitch, rng)
    arms = float(rng.uniform(0.15, 0.45)) * disk
    young = float(rng.uniform(0.0, 0.25)) * arms
    stars = structures.knots(canvas, image, 3 + int(rng.poisson(8)), 0.12 * scale, rng)
    painter.add((image, canvas.pixel_scale), arms - young, _ARMS)
    painter.add((stars, canvas.pixel_scale), young, _CLUMPS)
    return arms


def _irregular(painter: Painter, radius: float) -> Source:
    """Draws an exponential disk with clumps, the more the better it is resolved."""
    rng, angle = painter.rng, painter.angle
    ratio = float(np.clip(rng.beta(3.5, 2.5), 0.25, 1.0))
    clumps = float(rng.uniform(0.2, 0.55))
    resolved = painter.is_resolved(radius)
    number = int(rng.integers(4, 12) if resolved else rng.integers(2, 6))
    strengths = np.exp(0.8 * rng.normal(size=number))
    # In units of the axes of the galaxy.
    places = rng.normal(0, 0.75, size=(number, 2))
    axes = radius * np.array([ratio**-0.5, ratio**0.5])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shares = clumps * strengths / strengths.sum()
    # The centre of the light of all parts is the place of the galaxy.
    centre = -(shares @ places) / (1 - clumps) * axes @ turn
    host: Component | tuple[np.ndarray, float] = Component(1.0, radius, 1.0, ratio, angle)
    if resolved:
        scale = axes[0] / _SCALE_LENGTHS
        canvas = Canvas(5 * scale, ratio, angle)
        image = structures.irregular(canvas, scale, rng)
        host = (image, canvas.pixel_scale)
        centre -= _centroid(image) * canvas.pixel_scale
    painter.add(host, 1 - clumps, _IRREGULAR, tuple(map(float, centre)))
    for share, offset in zip(shares, places * axes @ turn, strict=True):
        size = radius * float(rng.uniform(0.05, 0.2) if resolved else rng.uniform(0.12, 0.3))
        shape = Component(1.0, size, 0.5, float(rng.uniform(0.6, 1.0)), float(rng.uniform(0, 3.0)))
        painter.add(shape, float(share), float(rng.uniform(2.2, 3.0)), tuple(map(float, offset)))
    return painter.source(2, radius, ratio, clump_fraction=clumps)


def _centroid(image: np.ndarray) -> np.ndarray:
    """Returns x and y of the centroid of an image of flux 1 from its centre, pixels."""
    places = np.arange(len(image)) - (len(image) - 1) / 2
    return np.array([image.sum(axis=0) @ places, image.sum(axis=1) @ places])
