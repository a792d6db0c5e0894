"""Entries of files as images of the shape, bands, units and size that are wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainers.cutouts import invalid_pixels, resizing, unit_conversion
from trainers.cutouts.cutout import Found, UnreadableError, Wanted

__all__ = ["checked_shape", "fitted"]

# No cutout: a frame, or a file that is to fill the memory.
_MOST_PIXELS = 2**27
_LEAST_SIDE = 8  # px


def fitted(found: Found, wanted: Wanted) -> np.ndarray | str:
    """Returns the image of an entry, (height, width, bands) float32; or what is wrong with it.

    Args:
        found: The entry.
        wanted: What is to be read.
    """
    pixels = found.pixels
    if isinstance(pixels, str):
        return pixels
    if pixels.dtype.kind not in "biuf":
        return f"has values of type {pixels.dtype}; numbers were expected"
    try:
        of_file, places = wanted.planes(found.bands)
        factor = _factor(found, wanted)
    except (UnreadableError, unit_conversion.UnitsError) as error:
        return str(error)
    shape, bands_first = checked_shape(pixels.shape, of_file, found.bands_first)
    if isinstance(shape, str):
        return shape
    pixels = pixels.reshape((shape[2], *shape[:2]) if bands_first else shape)
    if bands_first:
        pixels = np.moveaxis(pixels, 0, -1)
    if places is not None and places != list(range(shape[2])):
        pixels = pixels[..., places]
    if factor is not None and factor != 1:
        pixels = pixels * factor
    with np.errstate(over="ignore"):
        image = np.ascontiguousarray(pixels, np.float32)
    image = invalid_pixels.replaced(image, wanted.invalid)
    if isinstance(image, str):
        return image
    if _is_constant(image):
        values = ", ".join(f"{value:g}" for value in np.unique(image[0, 0]))
        return f"is empty or outside of the footprint: all its pixels are {values}"
    if wanted.resize is not None:
        image = _resized(image, found, wanted)
        if isinstance(image, str):
            return image
    if wanted.pads is not None and image.shape[:2] == wanted.pads[:2]:
        sides = (wanted.pads[2],) * 2
        return np.pad(image, (sides, sides, (0, 0)))
    return image


def _factor(found: Found, wanted: Wanted) -> float | None:
    if wanted.units is None:
        return None
    zeropoint = found.zeropoint if wanted.zeropoint is None else wanted.zeropoint
    return unit_conversion.factor(wanted.own_units or found.unit, wanted.units, zeropoint)


def _is_constant(image: np.ndarray) -> bool:
    """Returns whether each band has one value alone; that of a tiny image may be one by chance."""
    first = image[0, 0]
    # The first row decides for almost all.
    if not (image[0] == first).all() or not (image == first).all():
        return False
    return min(image.shape[:2]) >= _LEAST_SIDE or not first.any()


def _resized(image: np.ndarray, found: Found, wanted: Wanted) -> np.ndarray | str:
    if wanted.pads is not None and image.shape[:2] == wanted.shape[:2]:
        return image  # With its zeros already.
    ratio = 1.0
    if wanted.resize == "resample":
        scale = found.pixel_scale or wanted.own_pixel_scale
        if scale is None:
            return "has no pixel scale in its header, which `resize=resample` needs"
        ratio = wanted.pixel_scale / scale
    size = [
        round(own / ratio) if side is None else side
        for own, side in zip(image.shape[:2], wanted.size, strict=True)
    ]
    return resizing.resized(image, tuple(size), wanted.resize, ratio)


def checked_shape(
    shape: Sequence[int], wanted: Wanted, bands_first: bool
) -> tuple[tuple[int, int, int] | str, bool]:
    """Returns (height, width, bands) and whether bands come first; or what is wrong, and False.

    The shape is that before `Wanted.pads`.

    Args:
        shape: Of the pixels as the file has them.
        wanted: What is to be read.
        bands_first: Whether bands come first, where the number of bands leaves it open.
    """
    height, width, bands = wanted.shape
    given = tuple(shape)
    while len(shape) > 3 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) == 2:
        shape, bands_first = (*shape, 1), False
    if len(shape) != 3:
        return f"has shape {given}; an image or a cube of bands was expected", False
    if (shape[0] == bands) != (shape[2] == bands):
        bands_first = shape[0] == bands
    shape = (*shape[1:], shape[0]) if bands_first else tuple(shape)
    if shape[2] != bands:
        return f"has {shape[2]} band(s), its shape is {given}; {bands} were expected", False
    sizes = [(height, width), *([wanted.pads[:2]] if wanted.pads else [])]
    if not any(_fits(shape, size, wanted.resize) for size in sizes):
        expected = " or ".join(
            "x".join("any" if side is None else str(side) for side in reversed(size))
            for size in sizes
        )
        return f"is {shape[1]}x{shape[0]} px; {expected} px was expected", False
    if not 0 < np.prod(shape, dtype=float) <= _MOST_PIXELS:
        return f"has shape {given}; at most {_MOST_PIXELS} pixels were expected, at least 1", False
    return shape, bands_first


def _fits(shape: Sequence[int], size: Sequence[int | None], resize: str | None) -> bool:
    if resize in ("pad", "resample"):
        return True
    return all(
        wanted in (None, actual) or (resize == "crop" and actual > wanted)
        for actual, wanted in zip(shape, size, strict=False)
    )
