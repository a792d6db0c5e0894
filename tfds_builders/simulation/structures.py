"""Surface brightness of non-elliptical structure: arms, dust, knots, bars, rings, disks, tails.

All are drawn on the sky on square grids of `SIDE` pixels, with the light of the whole set to 1.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import scipy.ndimage
import scipy.special

__all__ = [
    "SIDE",
    "Canvas",
    "SpiralPattern",
    "arms",
    "bar",
    "dust_lanes",
    "edge_on_bulge",
    "edge_on_disk",
    "irregular",
    "knots",
    "lane",
    "ring",
    "tail",
]

SIDE = 160


@dataclasses.dataclass(frozen=True)
class Canvas:
    """The sky around a galaxy.

    Attributes:
        half_width: Of the grid, arcsec.
        axis_ratio: Apparent, of the circle in the plane of the disk.
        position_angle: Of its major axis, radians from x towards y.
    """

    half_width: float
    axis_ratio: float
    position_angle: float

    @property
    def pixel_scale(self) -> float:
        """Arcsec per pixel."""
        return 2 * self.half_width / SIDE

    def sky(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns distances along and across the major axis, arcsec, each (SIDE, SIDE)."""
        places = (np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2) * np.float32(self.pixel_scale)
        x, y = places[None, :], places[:, None]
        cosine, sine = (
            np.float32(np.cos(self.position_angle)),
            np.float32(np.sin(self.position_angle)),
        )
        return x * cosine + y * sine, y * cosine - x * sine

    def disk(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns Cartesian places in the plane of a thin disk, arcsec, each (SIDE, SIDE)."""
        along, across = self.sky()
        return along, across / np.float32(self.axis_ratio)


@dataclasses.dataclass(frozen=True)
class SpiralPattern:
    """Spiral arms that are neither exactly logarithmic nor exactly alike.

    With u = ln(R / h), the ridge of arm j lies at

        phi_j(R) = phi_0 + s int cot p(R) du + sum_k a_k sin(k (u - u_0) + b_k) + 2 pi j / m + d_j,
        p(R) = p_2 + (R / h - 2) dp/dR

    and its profile is exp(k m^2 (cos(phi - phi_j) - 1)) with k = 2.5 and a strength of its own.
    Everything but number and pitch is drawn.

    Attributes:
        winding: Azimuth of the first arm at each of `radii`, radians.
        offsets: Azimuth of each arm from the first, radians.
        strengths: Of the arms.
        ends: Radii at which the arms begin and fade out, scale lengths.

    References:
        Savchenko & Reshetnikov 2013 (MNRAS 436, 1074): pitch angles change by a fifth and more
        along most arms. The amplitudes of the wiggles (0.12 rad) and of the offsets (0.15 rad) are
        ours.
    """

    winding: np.ndarray
    offsets: np.ndarray
    strengths: np.ndarray
    ends: tuple[float, float]

    radii: ClassVar[np.ndarray] = np.geomspace(1e-2, 12.0, 160)

    @classmethod
    def draw(
        cls,
        number: int,
        pitch_angle: float,
        pitch_slope: float,
        start: float,
        rng: np.random.Generator,
        *,
        irregularity: float = 1.0,
    ) -> SpiralPattern:
        """Draws a pattern.

        Args:
            number: Of arms, m.
            pitch_angle: At two scale lengths, degrees.
            pitch_slope: Degrees per scale length.
            start: Radius at which the arms begin, in scale lengths.
            rng: Source of sense, phase, wiggles, offsets and strengths.
            irregularity: Factor of wiggles, offsets and the scatter of strengths.
        """
        u = np.log(cls.radii)
        pitch = np.clip(pitch_angle + pitch_slope * (np.minimum(cls.radii, 5.0) - 2), 4.0, 60.0)
        slope = 1 / np.tan(np.radians(pitch))
        winding = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(u))])
        wiggles = sum(
            rng.normal(0, 0.12 / k) * np.sin(2 * k * u + rng.uniform(0, 2 * np.pi))
            for k in (1, 2, 3)
        )
        sense = 1 if rng.uniform() < 0.5 else -1
        offsets = 2 * np.pi * np.arange(number) / number
        return cls(
            rng.uniform(0, 2 * np.pi) + sense * winding + irregularity * wiggles,
            offsets + irregularity * 0.15 * 2 / number * rng.normal(size=number),
            np.exp(irregularity * 0.3 * rng.normal(size=number)),
            (start, float(rng.uniform(3.2, 4.4))),
        )

    def ridges(
        self, canvas: Canvas, scale_length: float, *, shift: float = 0.0, sharpness: float = 2.5
    ) -> np.ndarray:
        """Returns the arms in the plane of the disk, 1 on the ridge of a mean arm, (SIDE, SIDE).

        Args:
            canvas: Where.
            scale_length: Of the disk, arcsec.
            shift: Turns all arms by this share of the angle between two.
            sharpness: k.
        """
        x, y = canvas.disk()
        radius = np.hypot(x, y) / np.float32(scale_length) + np.float32(1e-3)
        places = np.interp(radius, self.radii, self.winding).astype(np.float32)
        azimuth = np.arctan2(y, x) - places
        number = len(self.offsets)
        total = np.zeros_like(azimuth)
        for offset, strength in zip(self.offsets, self.strengths, strict=True):
            phase = azimuth - np.float32(offset + shift * 2 * np.pi / number)
            total += np.float32(strength) * np.exp(
                np.float32(sharpness * number**2) * (np.cos(phase) - 1)
            )
        inside = scipy.special.expit((radius - self.ends[0]) / np.float32(0.12))
        outside = scipy.special.expit((self.ends[1] - radius) / np.float32(0.3))
        return total * inside * outside


def arms(
    canvas: Canvas,
    scale_length: float,
    pattern: SpiralPattern,
    flocculence: float,
    pitch_angle: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns spiral arms in an exponential disk, whole, in patches or both.

        I = exp(-R / (1.2 h)) ((1 - f) A / <A> + f P / <P>) C

    with the arms A of a pattern, patches P sheared to the pitch angle (a log-normal field, long
    along the arms and narrow across), and clumps C: a log-normal field, smooth over a quarter of a
    scale length.

    Args:
        canvas: Where.
        scale_length: Of the disk, h, arcsec.
        pattern: Of the whole arms.
        flocculence: Share f of the patches.
        pitch_angle: Of the patches, degrees.
        rng: Source of patches and clumps.
    """
    x, y = canvas.disk()
    radius = np.hypot(x, y) / np.float32(scale_length)
    light = np.exp(-radius / np.float32(1.2))
    whole = light * pattern.ridges(canvas, scale_length)
    patches = light * _patches(canvas, scale_length, pitch_angle, pattern.ends, rng)
    image = (1 - flocculence) * whole / whole.sum() + flocculence * patches / patches.sum()
    return _whole(image * _clumps(canvas, 0.25 * scale_length, 0.45, rng))


def dust_lanes(canvas: Canvas, scale_length: float, pattern: SpiralPattern) -> np.ndarray:
    """Returns the share of a disk's light that lanes along the inner edges of its arms hide."""
    return np.minimum(pattern.ridges(canvas, scale_length, shift=-0.12, sharpness=8.0), 1.0)


def knots(
    canvas: Canvas, light: np.ndarray, number: int, width: float, rng: np.random.Generator
) -> np.ndarray:
    """Returns knots of young stars, placed by chance as the light of an image is.

    Args:
        canvas: Where.
        light: (SIDE, SIDE), where knots are likely; not negative.
        number: Of knots, at least 1.
        width: Standard deviation of a knot, arcsec.
        rng: Source of places and strengths.
    """
    share = light.ravel().astype(np.float64)
    places = rng.choice(share.size, size=number, p=share / share.sum())
    image = np.zeros(share.size, np.float32)
    np.add.at(image, places, np.exp(0.7 * rng.normal(size=number)).astype(np.float32))
    image = image.reshape(SIDE, SIDE)
    return _whole(scipy.ndimage.gaussian_filter(image, width / canvas.pixel_scale, truncate=3.0))


def irregular(canvas: Canvas, scale_length: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a disk without symmetry: exponential about a displaced centre, in large clumps."""
    x, y = canvas.disk()
    dx, dy = rng.normal(0, 0.4 * scale_length, size=2)
    light = np.exp(-np.hypot(x - dx, y - dy) / np.float32(scale_length))
    return _whole(light * _clumps(canvas, 0.55 * scale_length, 1.0, rng))


def bar(canvas: Canvas, length: float, axis_ratio: float, angle: float) -> np.ndarray:
    """Returns a bar: flat, with blunt ends.

        I = sqrt(1 - rho^2),    rho^2.6 = |u / a|^2.6 + |v / (q a)|^2.6

    Args:
        canvas: Where.
        length: Half length a in the plane of the disk, arcsec.
        axis_ratio: q in the plane of the disk.
        angle: Of the bar in that plane, radians from the major axis.

    References:
        Athanassoula et al. 1990 (MNRAS 245, 130): boxy ellipses; Ferrers 1877: the profile.
    """
    x, y = canvas.disk()
    u = np.abs(x * np.cos(angle) + y * np.sin(angle)) / length
    v = np.abs(y * np.cos(angle) - x * np.sin(angle)) / (length * axis_ratio)
    rho = (u**2.6 + v**2.6) ** (1 / 2.6)
    return _whole(np.sqrt(np.maximum(1 - rho**2, 0)))


def ring(canvas: Canvas, radius: float, width: float, rng: np.random.Generator) -> np.ndarray:
    """Returns a ring in the plane of the disk, Gaussian across, with clumps.

    Args:
        canvas: Where.
        radius: Arcsec.
        width: Standard deviation, arcsec.
        rng: Source of the clumps.
    """
    x, y = canvas.disk()
    profile = np.exp(-0.5 * ((np.hypot(x, y) - radius) / width) ** 2)
    return _whole(profile * _clumps(canvas, 0.3 * radius, 0.25, rng))


def edge_on_disk(
    canvas: Canvas, scale_length: float, height: float, warp: float = 0.0
) -> np.ndarray:
    """Returns an exponential disk seen from the side.

        I = (x / h) K_1(x / h) sech^2((z - w(x)) / z_0),    w = W sign(x) ((|x| / h - 2) / 2)^2

    beyond two scale lengths; without warp within.

    Args:
        canvas: Where; its axis ratio is not used.
        scale_length: h, arcsec.
        height: z_0, arcsec.
        warp: W, displacement at four scale lengths, arcsec.

    References:
        van der Kruit & Searle 1981 (A&A 95, 105).
    """
    along, across = canvas.sky()
    x = np.abs(along) / scale_length + 1e-3
    across = across - np.sign(along) * warp * np.maximum((x - 2) / 2, 0) ** 2
    # Disks end at about four scale lengths (van der Kruit & Searle 1982).
    end = scipy.special.expit((4.0 - x) / 0.15)
    return _whole(x * scipy.special.k1(x) * end / np.cosh(np.clip(across / height, -40, 40)) ** 2)


def lane(canvas: Canvas, scale_length: float, height: float) -> np.ndarray:
    """Returns the share of the light that a lane of dust in the midplane hides at most."""
    along, across = canvas.sky()
    return np.exp(-0.5 * (across / height) ** 2 - (along / (2.2 * scale_length)) ** 4)


def edge_on_bulge(canvas: Canvas, radius: float, axis_ratio: float, boxiness: float) -> np.ndarray:
    """Returns a bulge seen from the side, exponential outwards.

        I = exp(-1.678 rho / R),    rho^c = |x|^c + |z / q|^c,    c = 2 + 2 boxiness

    Args:
        canvas: Where; its axis ratio is not used.
        radius: Half-light radius along the major axis, arcsec.
        axis_ratio: q, of the isophotes.
        boxiness: 0 for ellipses, 1 for boxes.
    """
    along, across = canvas.sky()
    power = 2 + 2 * boxiness
    rho = (np.abs(along) ** power + np.abs(across / axis_ratio) ** power) ** (1 / power)
    return _whole(np.exp(-1.678 * rho / radius))


def tail(
    canvas: Canvas, start: tuple[float, float], reach: float, turn: float, width: float
) -> np.ndarray:
    """Returns a tidal tail: a curved band that widens and fades outwards.

    Args:
        canvas: Where; its axis ratio is not used.
        start: x and y where it begins, arcsec, which is also its first direction from the centre.
        reach: Factor by which its distance from the centre grows.
        turn: Angle through which it winds, radians.
        width: At its beginning, standard deviation, arcsec.
    """
    steps = np.linspace(0, 1, 48)
    distance = np.hypot(*start) * (1 + (reach - 1) * steps)
    angle = np.arctan2(start[1], start[0]) + turn * steps
    places = (np.arange(SIDE) - (SIDE - 1) / 2) * canvas.pixel_scale
    widths = (width * (1 + 1.2 * steps))[:, None]
    along_x = np.exp(-0.5 * ((places - (distance * np.cos(angle))[:, None]) / widths) ** 2)
    along_y = np.exp(-0.5 * ((places - (distance * np.sin(angle))[:, None]) / widths) ** 2)
    weights = np.exp(-1.4 * steps)[:, None] / widths**2
    return _whole((along_y * weights).T @ along_x)


def _patches(
    canvas: Canvas,
    scale_length: float,
    pitch_angle: float,
    ends: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns pieces of arms: noise in (ln R, phi), smooth along the arms and sheared to them."""
    rows, columns = 64, 128
    noise = rng.normal(size=(rows, columns)).astype(np.float32)
    field = scipy.ndimage.gaussian_filter(noise, (1.0, 5.0), mode="wrap")
    x, y = canvas.disk()
    radius = np.hypot(x, y) / np.float32(scale_length) + np.float32(1e-3)
    u = np.log(radius)
    sense = 1 if rng.uniform() < 0.5 else -1
    azimuth = np.arctan2(y, x)
    # Across the arms, u - phi tan(p) changes fastest.
    slope = np.float32(sense * np.tan(np.radians(pitch_angle)))
    across = (u - slope * azimuth) / np.float32(np.log(400)) * rows
    values = scipy.ndimage.map_coordinates(
        field, [across, azimuth / np.float32(2 * np.pi) * columns], order=1, mode="grid-wrap"
    )
    inside = scipy.special.expit((radius - ends[0]) / np.float32(0.12))
    outside = scipy.special.expit((ends[1] - radius) / np.float32(0.3))
    return np.exp(np.float32(1.5 / (field.std() + 1e-9)) * values) * inside * outside


def _clumps(canvas: Canvas, length: float, scatter: float, rng: np.random.Generator) -> np.ndarray:
    field = scipy.ndimage.gaussian_filter(
        rng.normal(size=(SIDE, SIDE)).astype(np.float32), length / canvas.pixel_scale, mode="wrap"
    )
    return np.exp(scatter * field / (field.std() + 1e-9))


def _whole(image: np.ndarray) -> np.ndarray:
    return (image / image.sum()).astype(np.float32)
