"""Masks of the Multimodal Universe, which are true where a pixel can be used."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainers.cutouts.cutout import UnreadableError
from trainers.cutouts.fits_masks import NO_BITS

__all__ = ["check", "masked"]


def check(name: str, is_bool: bool, kind: Any, fits: bool = True) -> None:
    """Checks that a mask is one.

    Args:
        name: What it is called in its file.
        is_bool: Whether its values are true and false.
        kind: Its type and shape, for the error.
        fits: Whether it has the shape of the images, or that of one of their bands.

    Raises:
        UnreadableError: if it is none.
    """
    if not (is_bool and fits):
        raise UnreadableError(
            f"has '{name}' of {kind}; bool, true where a pixel can be used, was expected for each "
            f"pixel (`mask_bits={NO_BITS}` leaves it)"
        )


def masked(images: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Returns an image, or several, NaN where it cannot be used.

    Args:
        images: (..., bands, height, width), or (height, width).
        usable: Bool of the same shape, or without the axis of the bands.
    """
    if usable.all():
        return images
    if usable.ndim < images.ndim:
        usable = np.expand_dims(usable, -3)
    return np.where(usable, images, np.nan)
