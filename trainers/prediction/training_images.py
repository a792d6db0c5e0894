"""Reading of images as those of a model's training were, and in what others differ from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainers.cutouts.picture_files import bits_of

if TYPE_CHECKING:
    from trainers.datasets.dataset import DatasetSpec

__all__ = ["differences", "padding", "settings"]

# Of two pixel scales, relative to the second.
_SCALE_TOLERANCE = 0.01


def settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings for reading files, by the names of `cutouts.cutout.Wanted`.

    Pictures have as many bits as those of the training, and are cut and scaled where those were;
    images of all formats get zeros on each side where those did, and pixels that are not finite
    are replaced as in those.

    Args:
        data: Training data of the model as its card has them; empty if they are not known.
    """
    if not data:
        return {}
    read = {"picture_bits": bits_of(data.get("units") or ""), "pads": padding(data)}
    read["invalid"] = data.get("invalid_pixels", "drop")
    read["mask_bits"] = data.get("mask_bits")
    read["bands"] = _named_bands(data.get("bands") or ())
    read["units"] = data.get("units")
    read |= {"resize": data.get("resize"), "pixel_scale": data.get("pixel_scale_arcsec")}
    return read | ({"scales_pictures": True} if data.get("scales_files") else {})


def _named_bands(bands: Sequence[str]) -> tuple[str, ...] | None:
    """Returns the names of the bands; None if they are only numbers or colours of a picture."""
    if any(re.fullmatch(r"band_\d+|red|green|blue|grey", name) for name in bands):
        return None
    return tuple(bands) or None


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


def differences(data: Mapping[str, Any], spec: DatasetSpec) -> list[str]:
    """Returns, a phrase each, in what the images of a dataset differ from those of the training.

    Args:
        data: Training data as a model card or the record of a run has them; what they lack is not
            compared.
        spec: The dataset.
    """
    from trainers.cutouts import pixel_units

    lines = []
    trained, bands = list(data.get("bands") or ()), list(spec.bands)
    if trained and trained != bands:
        lines.append(f"bands {' '.join(bands)}, trained on {' '.join(trained)}")
    units = data.get("units")
    same_bits = bits_of(units or "") == bits_of(spec.units)
    if units and not (same_bits and pixel_units.are_same(spec.units, units)):
        lines.append(f"units {spec.units}, trained on {units}")
    scale = data.get("pixel_scale_arcsec")
    if scale and spec.pixel_scale and abs(spec.pixel_scale / scale - 1) > _SCALE_TOLERANCE:
        lines.append(f"pixels of {spec.pixel_scale:g} arcsec, trained on {scale:g}")
    return lines
