"""Numbers of an image that show with which instrument and under which conditions it was taken."""

from __future__ import annotations

import numpy as np

__all__ = [
    "BORDER",
    "DEVIATION",
    "GROUPS",
    "LEAST_LIGHT",
    "LEAST_SIDE",
    "SAMPLES",
    "SOURCE",
    "measure",
]

GROUPS = {
    "noise": ("noise", "noise correlation"),
    "light": ("sky", "brightness", "size", "extreme values"),
}
"""Measurements that are compared together, by the name of the comparison."""

LEAST_SIDE = 8
"""Least height and width of an image, without its padding."""

BORDER = 3
"""Width of the border that is taken for the sky, px."""

SAMPLES = 1024
"""Second differences of a band, about, of which the median is taken: rows at equal distances."""

SOURCE = 2.0
"""Light in units of its noise, of the sum of the bands, above which it counts for the size."""

DEVIATION = 1.4826 / 6
"""Standard deviation of the pixels in the median absolute second difference of Gaussian noise.

The first number is that in a median absolute deviation; the squares of the nine coefficients of a
second difference along both axes add up to 36.
"""

LEAST_LIGHT = 1e-30
"""Least sum of light that is divided by."""

_AT_ONCE = 64  # images, which stay in the processor's cache


def measure(images: np.ndarray, pad: int = 0) -> dict[str, np.ndarray]:
    """Returns measurements of each image, by the names in `GROUPS`.

    - noise: standard deviation in each band, from the median absolute second difference, of which
      smooth light has none, in about `SAMPLES` places;
    - noise correlation: the same for means of 2 x 2 pixels, half as large if pixels are
      independent and more where a seeing or an interpolation connects them, and for the
      differences of neighbouring bands;
    - sky: median of the border in each band;
    - brightness: maximum and mean above the sky in each band;
    - size: radius about the centre, in px, of half of the light that stands out of the noise in
      means of 2 x 2 pixels;
    - extreme values: shares of the pixels at the maximum and at the minimum of their band.

    Args:
        images: (number, height, width, bands), at least `LEAST_SIDE` px inside of the padding.
        pad: Pixels of zeros on each side, which are not looked at. Default 0.

    Returns:
        (number, values) float32 each, but for the size in the units of the pixels.

    References:
        Immerkaer 1996 (Computer Vision and Image Understanding 64, 300), noise by second
        differences; the median of their absolute values, in place of the mean, is disturbed less
        by sources.
    """
    pieces = [
        _measure(images[start : start + _AT_ONCE], pad) for start in range(0, len(images), _AT_ONCE)
    ]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _measure(images: np.ndarray, pad: int) -> dict[str, np.ndarray]:
    planes = np.ascontiguousarray(np.moveaxis(images, -1, 1), np.float32)
    if pad:
        planes = planes[..., pad:-pad, pad:-pad]
    bands, binned = planes.shape[1], _binned(planes)
    sky = _upper_median(_border(planes))
    differences = _second_differences(planes)
    between = differences[:, 1:] - differences[:, :-1]
    noise = DEVIATION * _upper_median(np.abs(np.concatenate([differences, between], axis=1)))
    binned_noise = DEVIATION * _upper_median(np.abs(_second_differences(binned)))
    least, most, mean = (function(planes, axis=(2, 3)) for function in (np.min, np.max, np.mean))
    light = binned.sum(axis=1) - sky.sum(axis=1)[:, None, None]
    threshold = SOURCE * np.sqrt((binned_noise**2).sum(axis=1))
    return {
        "noise": noise[:, :bands],
        "noise correlation": np.concatenate([binned_noise, noise[:, bands:]], axis=1),
        "sky": sky,
        "brightness": np.concatenate([most - sky, mean - sky], axis=1),
        "size": _half_light_radius(np.where(light > threshold[:, None, None], light, 0))[:, None],
        "extreme values": np.stack(
            [_share(planes == ends[..., None, None]) for ends in (most, least)], axis=1
        ),
    }


def _border(planes: np.ndarray) -> np.ndarray:
    """Returns the pixels of the border, (number, bands, pixels)."""
    inner = slice(BORDER, -BORDER)
    sides = (
        planes[..., :BORDER, :],
        planes[..., -BORDER:, :],
        planes[..., inner, :BORDER],
        planes[..., inner, -BORDER:],
    )
    return np.concatenate([side.reshape(*planes.shape[:2], -1) for side in sides], axis=-1)


def _binned(planes: np.ndarray) -> np.ndarray:
    """Returns the means of 2 x 2 pixels."""
    height, width = (side // 2 * 2 for side in planes.shape[2:])
    even = planes[..., :height, :width]
    rows = even[..., ::2, :] + even[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _second_differences(planes: np.ndarray) -> np.ndarray:
    """Returns second differences along both axes, in rows at equal distances."""
    height, width = planes.shape[2:]
    step = -(-(height - 2) * (width - 2) // SAMPLES)
    rows = planes[..., :-2:step, :] - 2 * planes[..., 1:-1:step, :] + planes[..., 2::step, :]
    return rows[..., :-2] - 2 * rows[..., 1:-1] + rows[..., 2:]


def _upper_median(values: np.ndarray) -> np.ndarray:
    """Returns the median of each plane, (number, planes), the larger one of two; sorts them."""
    flat = values.reshape(*values.shape[:2], -1)
    middle = flat.shape[-1] // 2
    flat.partition(middle, axis=-1)
    return flat[..., middle]


def _share(conditions: np.ndarray) -> np.ndarray:
    """Returns the share of true values of each image."""
    counts = np.count_nonzero(conditions, axis=(1, 2, 3))
    return (counts / conditions[0].size).astype(np.float32)


def _half_light_radius(light: np.ndarray) -> np.ndarray:
    """Returns the radius of half of the light, px; 0 without any.

    Args:
        light: Of pixels of 2 px.
    """
    number, height, width = light.shape
    rows, columns = np.mgrid[:height, :width]
    # The width of a ring is 1 px, half of a pixel here.
    ring = (2 * np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)).astype(int).ravel()
    order = np.argsort(ring, kind="stable")
    names, starts = np.unique(ring[order], return_index=True)
    sums = np.zeros((number, names[-1] + 1), np.float32)
    sums[:, names] = np.add.reduceat(light.reshape(number, -1)[:, order], starts, axis=1)
    grown = np.cumsum(sums, axis=1)
    lacking = grown[:, -1:] / 2 - (grown - sums)
    return np.clip(lacking / np.maximum(sums, LEAST_LIGHT), 0, 1).sum(axis=1)
