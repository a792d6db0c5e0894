"""Colour pictures of Galaxy Zoo DECaLS from images in g, r, z."""

from __future__ import annotations

import numpy as np

__all__ = ["resampled", "stretched"]

# Of z, r, g, which are red, green and blue: nanomaggies per native pixel that make 1.
_SCALES = np.array([0.019, 0.014, 0.008])
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
    low, high = np.arcsinh(_BLACK), np.arcsinh(_WHITE)
    values = (np.arcsinh(np.moveaxis(images[::-1], 0, -1) / _SCALES) - low) / (high - low)
    mean = values.mean(axis=-1, keepdims=True)
    mean[mean == 0] = 1.0
    share = np.minimum((values / mean).max(axis=-1, keepdims=True) / 2.5, 1.0)
    weight = np.sin(np.pi / 2 * (1 - share))
    values = values * weight + mean * (1 - weight) + mean * (1 - weight) ** 2 * values
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


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
    side = len(image)
    places = (np.arange(size) - (size - 1) / 2) * new_scale / pixel_scale + (side - 1) / 2
    wide = max(1.0, new_scale / pixel_scale)
    distance = (places[:, None] - np.arange(side)) / wide
    kernel = np.sinc(distance) * np.sinc(distance / 3) * (np.abs(distance) < 3)
    kernel /= kernel.sum(axis=1, keepdims=True)
    return kernel @ image @ kernel.T
