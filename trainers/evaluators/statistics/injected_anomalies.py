"""Anomalies drawn into copies of real images: the truth where no object is labelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from trainers.evaluators.statistics import photometry

__all__ = ["KINDS", "inject"]

# Standard deviation of thin features, px: about a seeing of 2.5 px.
_WIDTH = 1.1
# Points along a curve, dense enough for images of some hundred px.
_POINTS = 400


def _arc(shape: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """A thin arc about the centre, as of a lensed galaxy: 60 to 150 degrees of a circle."""
    radius = draws.uniform(0.12, 0.25) * min(shape)
    extent = np.radians(draws.uniform(60, 150))
    angle = draws.uniform(0, 2 * np.pi) + np.linspace(-extent / 2, extent / 2, _POINTS)
    return _curve(shape, radius * np.sin(angle), radius * np.cos(angle), _WIDTH)


def _tail(shape: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """A bent tail that fades outwards, from the edge of the galaxy to near that of the image."""
    radius = np.linspace(0.08, draws.uniform(0.3, 0.45), _POINTS) * min(shape)
    bend = draws.choice([-1, 1]) * np.radians(draws.uniform(20, 70))
    share = np.linspace(0, 1, _POINTS)
    angle = draws.uniform(0, 2 * np.pi) + bend * share**2
    width = draws.uniform(1.5, 2.5) * _WIDTH
    return _curve(
        shape, radius * np.sin(angle), radius * np.cos(angle), width, weights=1 - 0.7 * share
    )


def _core(shape: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """A second nucleus, a few times the seeing from the first."""
    distance = draws.uniform(0.07, 0.12) * min(shape)
    angle = draws.uniform(0, 2 * np.pi)
    place = np.array([distance * np.sin(angle)]), np.array([distance * np.cos(angle)])
    return _curve(shape, *place, draws.uniform(1.0, 1.6) * _WIDTH)


def _trail(shape: tuple[int, int], draws: np.random.Generator) -> np.ndarray:
    """A straight line from edge to edge, as a satellite's or a bad column's."""
    angle = draws.uniform(0, np.pi)
    offset = draws.uniform(-0.35, 0.35) * min(shape)
    along = np.linspace(-1, 1, _POINTS) * max(shape)
    rows = along * np.sin(angle) + offset * np.cos(angle)
    columns = along * np.cos(angle) - offset * np.sin(angle)
    return _curve(shape, rows, columns, draws.uniform(0.6, 1.5) * _WIDTH)


KINDS: Mapping[str, tuple[Callable[..., np.ndarray], tuple[float, float], str]] = {
    "arc": (_arc, (0.15, 0.5), "blue"),
    "tidal tail": (_tail, (0.1, 0.3), "own"),
    "double core": (_core, (0.5, 1.0), "own"),
    "artefact": (_trail, (0.3, 1.5), "one band"),
}
"""By name: shape of peak 1, range of its brightness in units of the galaxy's peak, and colour.

Colours: that of the galaxy's centre; the same flux in all bands, which is bluer than galaxies; or
one band alone, as trails have in composites of exposures.
"""


def inject(kind: str, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Returns copies of images with an anomaly in each.

    Its brightness follows that of the galaxy: the largest mean of 3 x 3 px in the central half
    above the sky, in each band. It is drawn between three times the noise and the brightest pixel
    of all images, so that 8-bit pictures stay within their range.

    Args:
        kind: One of `KINDS`.
        images: (number, height, width, bands) in survey units.
        generator: Source of randomness.
    """
    draw, (faintest, brightest), colour = KINDS[kind]
    sky, noise = photometry.sky_and_noise(images)
    peaks = _peaks(images) - sky
    copies = images.astype(np.float32)
    for copy, peak, scatter in zip(copies, peaks, noise, strict=True):
        brightness = np.maximum(peak, 0.0)
        if colour == "blue":
            brightness = np.full_like(brightness, brightness.mean())
        elif colour == "one band":
            chosen = generator.integers(len(brightness))
            brightness = np.where(np.arange(len(brightness)) == chosen, brightness.mean(), 0.0)
        brightness = brightness * generator.uniform(faintest, brightest)
        least = 3 * scatter * (brightness > 0 if colour == "one band" else 1.0)
        shape = draw(copy.shape[:2], generator)
        copy += shape[..., None] * np.maximum(brightness, least)
    return np.minimum(copies, np.maximum(images, images.max()))


def _peaks(images: np.ndarray) -> np.ndarray:
    height, width = images.shape[1:3]
    smooth = ndimage.uniform_filter(images.astype(np.float32), (0, 3, 3, 0))
    central = smooth[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]
    return central.max(axis=(1, 2))


def _curve(
    shape: tuple[int, int],
    rows: np.ndarray,
    columns: np.ndarray,
    width: float,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Returns points about the centre as a Gaussian line of peak 1, (height, width)."""
    height, wide = shape
    rows, columns = rows + (height - 1) / 2, columns + (wide - 1) / 2
    weights = np.ones(len(rows)) if weights is None else weights
    image = np.zeros((height + 2, wide + 2), np.float64)
    row, column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    below, beside = rows - row, columns - column
    for down, right, share in (
        (0, 0, (1 - below) * (1 - beside)),
        (0, 1, (1 - below) * beside),
        (1, 0, below * (1 - beside)),
        (1, 1, below * beside),
    ):
        inside = (row + down >= 0) & (row + down < height)
        inside &= (column + right >= 0) & (column + right < wide)
        where = row[inside] + down + 1, column[inside] + right + 1
        np.add.at(image, where, (weights * share)[inside])
    image = ndimage.gaussian_filter(image[1:-1, 1:-1], width)
    return (image / max(image.max(), 1e-12)).astype(np.float32)
