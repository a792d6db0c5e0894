"""Surface brightness of non-elliptical structure: arms, bars, rings, edge-on disks, tails.

All are drawn on the sky on square grids of `SIDE` pixels, with the light of the whole set to 1.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.ndimage
import scipy.special

__all__ = ["SIDE", "Canvas", "arms", "bar", "boxy", "edge_on_disk", "lane", "ring", "tail"]

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


def arms(
    canvas: Canvas,
    scale_length: float,
    number: int,
    pitch_angle: float,
    start: float,
    sense: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns logarithmic spiral arms in an exponential disk.

        I = exp(-R / (1.2 h)) exp(k (cos psi - 1)) C,    psi = m (phi - phi_0 - s cot(p) ln(R / h))

    with m arms of pitch angle p, k = 2.5, and clumps C: a log-normal field, smooth over a quarter
    of a scale length. The arms begin at a radius and fade out at about four scale lengths.

    Args:
        canvas: Where.
        scale_length: Of the disk, h, arcsec.
        number: Of arms, m.
        pitch_angle: Degrees.
        start: Radius at which the arms begin, in scale lengths.
        sense: 1 or -1, which way they wind.
        rng: Source of their phase and of the clumps.
    """
    x, y = canvas.disk()
    radius = np.hypot(x, y) / scale_length + 1e-3
    winding = sense / np.tan(np.radians(pitch_angle)) * np.log(radius)
    phase = number * (np.arctan2(y, x) - rng.uniform(0, 2 * np.pi) - winding)
    ridge = np.exp(2.5 * (np.cos(phase) - 1))
    inside = scipy.special.expit((radius - start) / 0.12)
    outside = scipy.special.expit((rng.uniform(3.2, 4.4) - radius) / 0.3)
    clumps = _clumps(canvas, 0.25 * scale_length, 0.45, rng)
    return _whole(np.exp(-radius / 1.2) * ridge * inside * outside * clumps)


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


def edge_on_disk(canvas: Canvas, scale_length: float, height: float) -> np.ndarray:
    """Returns an exponential disk seen from the side.

        I = (x / h) K_1(x / h) sech^2(z / z_0)

    Args:
        canvas: Where; its axis ratio is not used.
        scale_length: h, arcsec.
        height: z_0, arcsec.

    References:
        van der Kruit & Searle 1981 (A&A 95, 105).
    """
    along, across = canvas.sky()
    x = np.abs(along) / scale_length + 1e-3
    # Disks end at about four scale lengths (van der Kruit & Searle 1982).
    end = scipy.special.expit((4.0 - x) / 0.15)
    return _whole(x * scipy.special.k1(x) * end / np.cosh(np.clip(across / height, -40, 40)) ** 2)


def lane(canvas: Canvas, scale_length: float, height: float) -> np.ndarray:
    """Returns the share of the light that a lane of dust in the midplane hides at most."""
    along, across = canvas.sky()
    return np.exp(-0.5 * (across / height) ** 2 - (along / (2.2 * scale_length)) ** 4)


def boxy(canvas: Canvas, radius: float, axis_ratio: float) -> np.ndarray:
    """Returns a bulge with box-shaped isophotes, exponential outwards.

    Args:
        canvas: Where; its axis ratio is not used.
        radius: Half-light radius along the major axis, arcsec.
        axis_ratio: Of the isophotes.
    """
    along, across = canvas.sky()
    rho = ((np.abs(along)) ** 3.6 + np.abs(across / axis_ratio) ** 3.6) ** (1 / 3.6)
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


def _clumps(canvas: Canvas, length: float, scatter: float, rng: np.random.Generator) -> np.ndarray:
    field = scipy.ndimage.gaussian_filter(
        rng.normal(size=(SIDE, SIDE)).astype(np.float32), length / canvas.pixel_scale, mode="wrap"
    )
    return np.exp(scatter * field / (field.std() + 1e-9))


def _whole(image: np.ndarray) -> np.ndarray:
    return (image / image.sum()).astype(np.float32)
