"""Checks that a frame is like the training data of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from trainers.errors import UserError
from trainers.frames.frame_windows import FrameWindows

__all__ = ["TrainedOn", "check", "check_pair"]

# Pixels that differ by more than this share show galaxies of another size than the training did.
_PIXEL_SCALE = 0.1


class TrainedOn(Protocol):
    """A model that knows its training data.

    Attributes:
        name: Name of the model.
        bands: Number of bands that it takes.
        data: `bands` and `pixel_scale_arcsec` of the training data; may be empty.
    """

    name: str
    bands: int
    data: Mapping[str, Any]


def check(frame: FrameWindows, model: TrainedOn, any_pixel_scale: bool = False) -> None:
    """Raises UserError if a frame is unlike the training data.

    Args:
        frame: The frame.
        model: The model.
        any_pixel_scale: Whether pixels of another scale are allowed.
    """
    names = [str(band) for band in model.data.get("bands") or ()]
    what = f"`frame={frame.files.paths[0]}`"
    if frame.bands != model.bands:
        raise UserError(
            f"{what} must have the {model.bands} band(s) of '{model.name}'"
            f"{_listed(names)}; got {frame.bands}: `bands` and `hdu` choose "
            "among those of a file, `files='bands'` takes one file for each"
        )
    wanted, filters = _lower(names), _lower(frame.filters)
    if sorted(wanted) == sorted(filters) and wanted != filters:
        raise UserError(
            f"{what} must have its bands in the order {', '.join(names)}; got "
            f"{', '.join(frame.filters)}"
        )
    scale, own = model.data.get("pixel_scale_arcsec"), frame.pixel_scale
    if scale and own and abs(own / scale - 1) > _PIXEL_SCALE and not any_pixel_scale:
        raise UserError(
            f"{what} must have pixels of {scale:.4g} arcsec, to {100 * _PIXEL_SCALE:.0f} %, as "
            f"'{model.name}' had in training; got {own:.4g}: resample it, or "
            "`any_pixel_scale=True`"
        )


def check_pair(what: str, model: TrainedOn, other: TrainedOn, any_pixel_scale: bool) -> None:
    """Raises UserError if two models for one frame were trained on unlike data.

    Args:
        what: What the user gave for the first, for the errors.
        model: The first.
        other: The second.
        any_pixel_scale: Whether pixels of another scale are allowed.
    """
    bands, wanted = (
        [str(band) for band in each.data.get("bands") or ()] for each in (model, other)
    )
    known = bands and wanted
    if model.bands != other.bands or (known and _lower(bands) != _lower(wanted)):
        raise UserError(
            f"{what} must have the {other.bands} band(s) of '{other.name}'{_listed(wanted)}; "
            f"'{model.name}' has {model.bands}{_listed(bands)}"
        )
    scale, own = (each.data.get("pixel_scale_arcsec") for each in (other, model))
    if scale and own and abs(own / scale - 1) > _PIXEL_SCALE and not any_pixel_scale:
        raise UserError(
            f"{what} must be for pixels of {scale:.4g} arcsec, to {100 * _PIXEL_SCALE:.0f} %, as "
            f"'{other.name}' is; '{model.name}' had {own:.4g} in training"
        )


def _lower(names: Iterable[str]) -> list[str]:
    return [name.lower() for name in names]


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""
