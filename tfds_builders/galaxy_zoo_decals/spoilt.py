"""Images of stars and artifacts, as volunteers classify them."""

from __future__ import annotations

import numpy as np

from tfds_builders.surveys import flux_from_magnitude

__all__ = ["add_artefact"]

# r magnitudes of stars that hide what lies behind.
_STAR = (10.5, 13.5)
# Its wings fall off as the scattered light of stars does, not as the PSF of galaxies.
_STAR_BETA = 1.6
_STAR_CORE = 0.6
# Part of the light in each line of spikes.
_SPIKE_SHARE = 0.004


def add_artefact(
    images: list[np.ndarray], pixel_scales: tuple[float, ...], kind: str, rng: np.random.Generator
) -> None:
    """Adds what spoils a picture to images without noise, in place.

    - star: saturated, with wings and spikes, in the middle or near to it;
    - trail: of a satellite or an aeroplane, in one band, as bands are exposed one after another;
    - glare: light of a star outside, scattered all over the image;
    - blank: nothing.

    Args:
        images: Of each band, nanomaggies per pixel.
        pixel_scales: Of each band, arcsec.
        kind: One of `truth.ARTEFACTS`.
        rng: Source of everything, drawn in arcsec: the same whatever the pixels.
    """
    half_width = len(images[1]) * pixel_scales[1] / 2
    magnitude, spot = rng.uniform(*_STAR), rng.uniform(-0.35, 0.35, 2) * half_width
    angle, band, turn = rng.uniform(0, 2 * np.pi), int(rng.integers(3)), rng.uniform(0, np.pi / 2)
    colour = rng.normal(0, 0.25)
    for index, (image, scale) in enumerate(zip(images, pixel_scales, strict=True)):
        places = (np.arange(len(image)) - len(image) // 2) * scale
        x, y = places[None, :], places[:, None]
        if kind == "star":
            flux = flux_from_magnitude(magnitude - colour * (index - 1)) * scale**2
            image += flux * _star(x - spot[0], y - spot[1], turn)
        elif kind == "glare":
            far = 1.6 * half_width
            dx, dy = x - far * np.cos(angle), y - far * np.sin(angle)
            level = 0.05 * 10 ** (0.4 * (13.5 - magnitude)) * 10 ** (0.4 * colour * (index - 1))
            image += (
                scale**2 * level * 10 * (far / half_width) / (0.15 + np.hypot(dx, dy) / far) ** 2
            )
        elif kind == "trail" and index == band:
            across = (x - spot[0]) * np.sin(angle) - (y - spot[1]) * np.cos(angle)
            level = 1.5 * 10 ** (0.2 * (13.5 - magnitude))
            image += scale**2 * level * 10 * np.exp(-0.5 * (across / 0.8) ** 2)


def _star(x: np.ndarray, y: np.ndarray, turn: float) -> np.ndarray:
    """Returns the surface brightness of a star of flux 1, per square arcsec."""
    wings = (1 + (x**2 + y**2) / _STAR_CORE**2) ** -_STAR_BETA
    star = wings * (_STAR_BETA - 1) / (np.pi * _STAR_CORE**2)
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    for along, across in ((u, v), (v, u)):
        # Integrals of the two factors: 0.5 sqrt(2 pi) and 2 pi.
        spike = np.exp(-0.5 * (across / 0.5) ** 2) / (1 + (along / 2) ** 2)
        star = star + _SPIKE_SHARE * spike / (0.5 * np.sqrt(2 * np.pi) * 2 * np.pi)
    return star
