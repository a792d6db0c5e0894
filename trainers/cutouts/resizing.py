"""Images of another size than the model's: cut, pad with sky, or resample to its pixel scale."""

from __future__ import annotations

import zlib

import numpy as np

__all__ = ["POLICIES", "cropped", "padded", "resampled", "resized", "sky_and_noise"]

POLICIES = ("crop", "pad", "resample")
"""crop: cut larger images around the centre, and refuse smaller ones; pad: cut larger ones and
continue the sky and the noise around smaller ones; resample: bring the pixels to the wanted scale,
with the flux of each region kept, then as pad."""

_BORDER = 3  # px
_MAD = 1.4826  # standard deviations of a Gaussian in a median absolute deviation
_SAME_SCALE = 1e-3


def resized(
    image: np.ndarray, size: tuple[int, int], policy: str, ratio: float | None = None
) -> np.ndarray:
    """Returns an image of a size, as `POLICIES` say.

    Args:
        image: (height, width, bands) float32.
        size: (height, width).
        policy: One of `POLICIES`.
        ratio: Under "resample", the wanted pixel scale over that of the image.

    Raises:
        ValueError: if the image is smaller than the size under "crop".
    """
    if policy == "resample" and abs(ratio - 1) > _SAME_SCALE:
        image = resampled(image, size, ratio)
    if policy == "crop" and min(np.subtract(image.shape[:2], size)) < 0:
        raise ValueError("it is smaller")
    return padded(cropped(image, size), size)


def cropped(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the image, with those sides that are longer cut around the pixel in the centre.

    Args:
        image: (height, width, bands).
        size: (height, width).
    """
    window = []
    for length, wanted in zip(image.shape[:2], size, strict=True):
        start = max(0, length // 2 - wanted // 2)
        window.append(slice(start, start + wanted))
    return np.ascontiguousarray(image[tuple(window)])


def padded(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns the image with sky and noise around it where it is smaller.

    Both are those of its border in each band: the median, and the standard deviation from the
    median absolute deviation. The noise is independent from pixel to pixel; the same image gets the
    same noise.

    Args:
        image: (height, width, bands) float32.
        size: (height, width), each at least that of the image.
    """
    if image.shape[:2] == tuple(size):
        return image
    sky, noise = sky_and_noise(image)
    random = np.random.default_rng(zlib.crc32(np.ascontiguousarray(image)))
    canvas = sky + noise * random.standard_normal((*size, image.shape[2]), np.float32)
    canvas = canvas.astype(np.float32)
    starts = [whole // 2 - own // 2 for whole, own in zip(size, image.shape[:2], strict=True)]
    window = tuple(
        slice(start, start + own) for start, own in zip(starts, image.shape[:2], strict=True)
    )
    canvas[window] = image
    return canvas


def sky_and_noise(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns level and standard deviation of the border of an image, (bands,) each; see `padded`.

    Args:
        image: (height, width, bands).
    """
    edge = min(_BORDER, *image.shape[:2])
    inside = np.zeros(image.shape[:2], bool)
    inside[edge:-edge, edge:-edge] = True
    border = image[~inside]
    sky = np.median(border, axis=0)
    return sky, _MAD * np.median(np.abs(border - sky), axis=0)


def resampled(image: np.ndarray, size: tuple[int, int], ratio: float) -> np.ndarray:
    """Returns the image on pixels of another scale about the same centre, at most of a size.

    A new pixel has the flux within its area: along each axis a cubic spline goes through the sums
    of the pixels up to each edge, and a pixel is its difference between two new edges. The sum of
    new pixels that cover whole old ones is theirs, whatever the ratio, and noise of large new
    pixels is averaged as it is in the sky. Pixels are fluxes, not surface brightnesses.

    Args:
        image: (height, width, bands) float32.
        size: Most (height, width) of the result.
        ratio: Side of a new pixel in old pixels.

    Returns:
        (height, width, bands) float32, the largest part of `size` that lies within the image.
    """
    for axis, most in enumerate(size):
        image = _along(image, axis, most, ratio)
    return np.ascontiguousarray(image, np.float32)


def _along(image: np.ndarray, axis: int, most: int, ratio: float) -> np.ndarray:
    from scipy.interpolate import CubicSpline

    length = image.shape[axis]
    number = min(most, int(length / ratio + 1e-6))
    # So that what is padded has the centre where the wanted size has it.
    number -= (most - number) % 2 if number > 1 else 0
    number = max(1, number)
    edges = length / 2 + ratio * (np.arange(number + 1) - number / 2)
    sums = np.cumsum(np.moveaxis(image, axis, 0), axis=0, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    spline = CubicSpline(np.arange(length + 1), sums, axis=0)
    return np.moveaxis(np.diff(spline(np.clip(edges, 0, length)), axis=0), 0, axis)
