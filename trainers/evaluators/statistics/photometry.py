"""Sky, noise and light concentration of images; which magnitudes of a catalogue are measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["are_measured", "concentration", "reference_band", "saturated", "sky_and_noise"]

# Magnitudes outside of these are none: -9999 and 99 stand for what was not measured.
_BRIGHTEST, _FAINTEST = 0.0, 40.0
_CHUNK = 500  # images at a time, to spare memory


def are_measured(magnitude: np.ndarray) -> np.ndarray:
    """Returns which magnitudes are measured, bool of the same shape.

    Args:
        magnitude: Of any shape. One that is not in 0 to 40 is none: catalogues have -9999, 99 or
            NaN there.
    """
    return (magnitude > _BRIGHTEST) & (magnitude < _FAINTEST)


def reference_band(bands: Sequence[str]) -> int:
    """Returns the index of the band in which objects are measured: r if there is one.

    Returns:
        The index of `r` (or `red`, or a name that ends in `_r` or `-r`), else the middle band.
    """
    for wanted in ("r", "red"):
        for index, band in enumerate(bands):
            name = band.lower()
            if name == wanted or name.endswith((f"_{wanted}", f"-{wanted}", f".{wanted}")):
                return index
    return len(bands) // 2


def sky_and_noise(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measures sky level and noise in a frame along the border, an eighth of the side wide.

    The sky is the median of the frame; the noise is 1.4826 times the median absolute deviation.
    Where more than half of the frame has one value (8-bit images with a clipped sky) the noise
    is the standard deviation of the frame instead, and one if that vanishes too.

    Args:
        images: (number, height, width, bands) in survey units.

    Returns:
        Sky and noise, each (number, bands) in survey units per pixel.
    """
    height, width = images.shape[1:3]
    frame = np.ones((height, width), bool)
    margin = max(1, min(height, width) // 8)
    frame[margin:-margin, margin:-margin] = False
    pixels = images[:, frame, :]
    sky = np.median(pixels, axis=1)
    noise = 1.4826 * np.median(np.abs(pixels - sky[:, None]), axis=1)
    noise = np.where(noise > 0, noise, pixels.std(axis=1))
    return sky, np.where(noise > 0, noise, 1.0)


def saturated(images: np.ndarray) -> np.ndarray:
    """Returns which images have a clipped core: three or more pixels share the highest value.

    Args:
        images: (number, height, width) in one band.

    Returns:
        (number,) bool. Noise makes the case all but impossible for unclipped float pixels.
    """
    return (images >= images.max(axis=(1, 2), keepdims=True)).sum(axis=(1, 2)) >= 3


def concentration(
    images: np.ndarray, *, inner_radius: float = 2.0, outer_radius: float = 6.0
) -> np.ndarray:
    """Measures how extended the central object is, as a difference of aperture magnitudes.

        concentration index = m(inner_radius) - m(outer_radius) = 2.5 log10(F_outer / F_inner)

    F is the flux over the sky in a circular aperture on the centroid. Large values are extended
    objects, and a point source has the same value at any brightness. Fluxes below the noise of
    the aperture are replaced by that noise.

    Args:
        images: (number, height, width) in one band, survey units.
        inner_radius: Radius of the small aperture in pixels. Default 2.
        outer_radius: Radius of the large aperture in pixels. Default 6.

    Returns:
        (number,) in magnitudes.

    Raises:
        ValueError: if the radii are not 0 < inner_radius < outer_radius.
    """
    if not 0 < inner_radius < outer_radius:
        raise ValueError(
            "inner_radius and outer_radius must satisfy 0 < inner_radius < outer_radius; "
            f"got {inner_radius} and {outer_radius}"
        )
    pieces = [
        _concentration(
            np.asarray(images[start : start + _CHUNK], np.float64), inner_radius, outer_radius
        )
        for start in range(0, len(images), _CHUNK)
    ]
    return np.concatenate(pieces)


def _concentration(images: np.ndarray, inner_radius: float, outer_radius: float) -> np.ndarray:
    sky, noise = sky_and_noise(images[..., None])
    flux = images - sky[:, :, None]
    y, x = np.mgrid[: images.shape[1], : images.shape[2]].astype(np.float64)
    y0, x0 = _centroid(flux, noise[:, 0], y, x, outer_radius)
    distance = np.hypot(y - y0[:, None, None], x - x0[:, None, None])
    magnitudes = []
    for radius in (inner_radius, outer_radius):
        # A pixel that the circle cuts counts in part, so that the flux is smooth in the centre.
        aperture = np.clip(radius + 0.5 - distance, 0, 1)
        floor = noise[:, 0] * np.sqrt((aperture**2).sum(axis=(1, 2)))
        magnitudes.append(-2.5 * np.log10(np.maximum((flux * aperture).sum(axis=(1, 2)), floor)))
    return magnitudes[0] - magnitudes[1]


def _centroid(
    flux: np.ndarray, noise: np.ndarray, y: np.ndarray, x: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    # Iterated centroid under a Gaussian window that starts on the middle of the image, where a
    # cutout holds its object; neighbours lie outside the window.
    y0 = np.full(len(flux), (flux.shape[1] - 1) / 2)
    x0 = np.full(len(flux), (flux.shape[2] - 1) / 2)
    positive = np.clip(flux - noise[:, None, None], 0, None)
    for _ in range(4):
        offset_y, offset_x = y - y0[:, None, None], x - x0[:, None, None]
        weight = positive * np.exp(-0.5 * (offset_y**2 + offset_x**2) / (radius / 2) ** 2)
        total = weight.sum(axis=(1, 2)) + 1e-30
        # Twice the weighted offset undoes the pull of the window for a source of its width.
        y0 = y0 + np.clip(2 * (weight * offset_y).sum(axis=(1, 2)) / total, -radius, radius)
        x0 = x0 + np.clip(2 * (weight * offset_x).sum(axis=(1, 2)) / total, -radius, radius)
    return y0, x0
