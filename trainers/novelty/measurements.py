"""Numbers of an image that show with which instrument and under which conditions it was taken."""

from __future__ import annotations

import numpy as np

__all__ = ["GROUPS", "LEAST_SIDE", "measure"]

GROUPS = {
    "noise": ("noise", "noise correlation"),
    "light": ("sky", "brightness", "size", "extreme values"),
}
"""Measurements that are compared together, by the name of the comparison."""

LEAST_SIDE = 8
"""Least height and width of an image, without its padding."""

_BORDER = 3  # px
_MAD = 1.4826  # standard deviations of a Gaussian in a median absolute deviation
_SOURCE = 2.0  # noise, of the sum of the bands, above which a pixel counts for the size
_AT_ONCE = 64  # images, which stay in the processor's cache


def measure(images: np.ndarray, pad: int = 0) -> dict[str, np.ndarray]:
    """Returns measurements of each image, by the names in `GROUPS`.

    - noise: standard deviation in each band, from the median absolute second difference, of which
      smooth light has none;
    - noise correlation: the same for means of 2 x 2 pixels, half as large if pixels are
      independent and more where a seeing or an interpolation connects them, and for the
      differences of neighbouring bands;
    - sky: median of the border in each band;
    - brightness: maximum and mean above the sky in each band;
    - size: radius about the centre, in px, of half of the light that stands out of the noise;
    - extreme values: shares of the pixels at the maximum and at the minimum of their band.

    Args:
        images: (number, height, width, bands), at least `LEAST_SIDE` px inside of the padding.
        pad: Pixels of zeros on each side, which are not looked at. Default 0.

    Returns:
        (number, values) float64 each, but for the size in the units of the pixels.

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
    sky = _border_median(planes)
    differences = _second_differences(planes)
    noise = _deviation(differences)
    correlated = [_deviation(_second_differences(_binned(planes)))]
    if planes.shape[1] > 1:
        correlated.append(_deviation(differences[:, 1:] - differences[:, :-1]))
    least, most = (function(planes, axis=(2, 3)) for function in (np.min, np.max))
    total_noise = np.sqrt((noise**2).sum(axis=1))
    light = planes.sum(axis=1) - sky.sum(axis=1)[:, None, None]
    return {
        "noise": noise,
        "noise correlation": np.concatenate(correlated, axis=1),
        "sky": sky,
        "brightness": np.concatenate([most - sky, planes.mean(axis=(2, 3)) - sky], axis=1),
        "size": _half_light_radius(light, total_noise)[:, None],
        "extreme values": np.stack(
            [(planes == ends[..., None, None]).mean(axis=(1, 2, 3)) for ends in (most, least)],
            axis=1,
        ),
    }


def _border_median(planes: np.ndarray) -> np.ndarray:
    inner = slice(_BORDER, -_BORDER)
    sides = (
        planes[..., :_BORDER, :],
        planes[..., -_BORDER:, :],
        planes[..., inner, :_BORDER],
        planes[..., inner, -_BORDER:],
    )
    flat = [side.reshape(*planes.shape[:2], -1) for side in sides]
    return np.median(np.concatenate(flat, axis=-1), axis=-1).astype(np.float64)


def _binned(planes: np.ndarray) -> np.ndarray:
    """Returns the means of 2 x 2 pixels."""
    height, width = (side // 2 * 2 for side in planes.shape[2:])
    even = planes[..., :height, :width]
    rows = even[..., ::2, :] + even[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _second_differences(planes: np.ndarray) -> np.ndarray:
    """Returns second differences along both axes, of a variance as that of the pixels' noise."""
    across = planes[..., :-2] - 2 * planes[..., 1:-1] + planes[..., 2:]
    both = across[..., :-2, :] - 2 * across[..., 1:-1, :] + across[..., 2:, :]
    return both / 6  # The squares of the nine coefficients add up to 36.


def _deviation(differences: np.ndarray) -> np.ndarray:
    """Returns the standard deviation of each plane, (number, planes)."""
    values = np.abs(differences).reshape(*differences.shape[:2], -1)
    middle = values.shape[-1] // 2
    values.partition(middle, axis=-1)
    return _MAD * values[..., middle].astype(np.float64)


def _half_light_radius(light: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Returns the radius, in px, of half of the light above the noise; 0 without any."""
    number, height, width = light.shape
    light = np.where(light > _SOURCE * noise[:, None, None], light, 0).reshape(number, -1)
    rows, columns = np.mgrid[:height, :width]
    radius = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2).ravel()
    order = np.argsort(radius, kind="stable")
    grown = np.cumsum(light[:, order], axis=1, dtype=np.float64)
    half = np.argmax(grown >= grown[:, -1:] / 2, axis=1)
    return np.where(grown[:, -1] > 0, radius[order][half], 0.0)
