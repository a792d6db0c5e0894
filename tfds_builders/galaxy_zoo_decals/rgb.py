"""Colour pictures of Galaxy Zoo DECaLS from images in g, r, z."""

from __future__ import annotations

import functools

import numpy as np

__all__ = ["resampled", "stretched"]

# Of z, r, g, which are red, green and blue: nanomaggies per native pixel that make 1.
_SCALES = np.array([0.019, 0.014, 0.008], np.float32)
_BLACK, _WHITE = -0.5, 300.0


def stretched(images: np.ndarray) -> np.ndarray:
    """Returns the picture of an image as the volunteers were shown it.

        x_b = asinh(f_b / s_b), from asinh(-0.5) black to asinh(300) white,  s = 0.008 0.014 0.019

    Then colours are taken out of pixels where one band rules, which noise does in the sky: with
    a the mean of the bands and w = sin(pi/2 (1 - min(max_b x_b / (2.5 a), 1))),

        x_b -> w x_b + (1 - w) a + (1 - w)^2 a x_b

    Args:
        images: (3, rows, columns), g, r, z, nanomaggies per native pixel.

    Returns:
        (rows, columns, 3) uint8.

    References:
        Walmsley et al. 2022 (MNRAS 509, 3966), section 2.2, and the public code that made the
        images (github.com/zooniverse/decals, `dr2_style_rgb` after D. Lang).
    """
    low, high = float(np.arcsinh(_BLACK)), float(np.arcsinh(_WHITE))
    bands = np.asarray(images, np.float32)[::-1]
    values = (np.arcsinh(bands / _SCALES[:, None, None]) - low) / (high - low)
    mean = values.mean(axis=0)
    mean[mean == 0] = 1.0
    share = np.minimum((values / mean).max(axis=0) / 2.5, 1.0)
    weight = np.sin(np.float32(np.pi / 2) * (1 - share))
    values = values * (weight + mean * (1 - weight) ** 2) + mean * (1 - weight)
    return np.moveaxis((np.clip(values, 0, 1) * 255).astype(np.uint8), 0, -1)


def resampled(image: np.ndarray, pixel_scale: float, size: int, new_scale: float) -> np.ndarray:
    """Returns the surface brightness of an image on other pixels about the same centre, Lanczos-3.

    As the viewer of the Legacy Surveys does it, which made the images: values stay those of native
    pixels. Of larger pixels the kernel is as wide as they are, so that nothing is aliased.

    Args:
        image: (side, side), covers more than the result.
        pixel_scale: Of the image, arcsec.
        size: Pixels on a side of the result.
        new_scale: Of the result, arcsec.
    """
    kernel = _lanczos(len(image), pixel_scale, size, new_scale)
    return kernel @ image @ kernel.T


# The bands of one galaxy mostly share it.
@functools.lru_cache(maxsize=4)
def _lanczos(side: int, pixel_scale: float, size: int, new_scale: float) -> np.ndarray:
    places = (np.arange(size) - (size - 1) / 2) * new_scale / pixel_scale + (side - 1) / 2
    wide = max(1.0, new_scale / pixel_scale)
    distance = ((places[:, None] - np.arange(side)) / wide).astype(np.float32)
    kernel = np.sinc(distance) * np.sinc(distance / 3) * (np.abs(distance) < 3)
    return kernel / kernel.sum(axis=1, keepdims=True)
