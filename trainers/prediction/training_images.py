"""Settings by which a model's cutouts are read as its training images were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainers.cutouts.picture_files import bits_of

__all__ = ["padding", "settings"]


def settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings for reading files, by the names of `cutouts.cutout.Wanted`.

    Pictures have as many bits as those of the training, and are cut and scaled where those were;
    images of all formats get zeros on each side where those did.

    Args:
        data: Training data of the model as its card has them; empty if they are not known.
    """
    if not data:
        return {}
    read = {"picture_bits": bits_of(data.get("units") or ""), "pads": padding(data)}
    return read | ({"scales_pictures": True} if data.get("scales_files") else {})


def padding(data: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Returns `Wanted.pads` of the training images.

    Args:
        data: As in `settings`.
    """
    pad = data.get("pad", 0)
    if not pad:
        return None
    height, width, _ = data["image_shape"]
    return height - 2 * pad, width - 2 * pad, pad
