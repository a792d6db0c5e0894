"""Options of `--fade`: galaxies as if they were fainter and farther away."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from trainers.errors import UserError

__all__ = ["Fading"]

# Ranges of numbers: lowest value, whether it is allowed itself, and highest.
_LIMITS = {
    "magnitudes": (0.0, True, 15.0),
    "to": (0.0, True, 40.0),
    "psf": (0.0, False, 100.0),
    "noise": (0.0, True, math.inf),
    "electrons": (0.0, False, math.inf),
    "evolution": (-10.0, True, 10.0),
}
_RANGES = ("magnitudes", "to")
_OF_BANDS = ("psf", "noise", "electrons")


@dataclasses.dataclass(frozen=True)
class Fading:
    """Fainter magnitudes of a dataset's images, and the survey that observes them.

    Of `survey` and the numbers that replace it, what is not given is as in each image.

    Attributes:
        magnitudes: Range from which the dimming of each image is drawn, mag; None with `to`.
        to: Range from which the magnitude after the dimming is drawn; an image that is fainter
            already stays as it is. None with `magnitudes`.
        survey: Survey whose PSF, noise and photons the images get, "decals", "bass_mzls" or "sdss".
        psf: FWHM of the PSF afterwards, arcsec: one number, or one for each band.
        noise: Standard deviation of the sky afterwards, in the units of the pixels, likewise.
        electrons: Electrons per unit of the pixels afterwards, likewise.
        size: Pixels on a side afterwards, about the centre; None for as many as before.
        template: Spectrum of all galaxies, "E", "Sbc", "Scd" or "Im"; empty for a mixture by the
            colour of each.
        evolution: Brightening of galaxies with redshift, mag per unit of redshift. Default 1.6.
    """

    magnitudes: tuple[float, float] | None = None
    to: tuple[float, float] | None = None
    survey: str = ""
    psf: tuple[float, ...] = ()
    noise: tuple[float, ...] = ()
    electrons: tuple[float, ...] = ()
    size: int | None = None
    template: str = ""
    evolution: float = 1.6

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Fading:
        """Reads `NAME=VALUE` for each option; ranges are `LOW-HIGH`, numbers of bands `A,B,C`.

        Args:
            texts: Options as on the command line.

        Raises:
            UserError: if one is no such option, or its value is not allowed.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        values: dict[str, object] = {}
        for text in texts:
            name, equals, value = text.partition("=")
            if not equals or name not in names:
                raise UserError(f"`fade` takes NAME=VALUE with {', '.join(names)}; got '{text}'")
            if name in values:
                raise UserError(f"`fade` must name '{name}' once; got {list(texts)}")
            values[name] = _value(name, value)
        if ("magnitudes" in values) == ("to" in values):
            raise UserError(f"`fade` needs either magnitudes or to; got {list(texts)}")
        return cls(**values)


def _value(name: str, text: str) -> object:
    if name == "size":
        if not text.isdecimal() or not int(text):
            raise UserError(f"`fade` size must be a whole number, at least 1; got '{text}'")
        return int(text)
    if name in _RANGES:
        ends = tuple(_number(name, end) for end in text.split("-"))
        if len(ends) > 2 or ends[0] > ends[-1]:
            raise UserError(f"`fade` {name} must be a number or LOW-HIGH; got '{text}'")
        return ends[0], ends[-1]
    if name in _OF_BANDS:
        return tuple(_number(name, each) for each in text.split(","))
    return _number(name, text) if name in _LIMITS else text


def _number(name: str, text: str) -> float:
    low, is_allowed, high = _LIMITS[name]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and value <= high and (value > low or (is_allowed and value == low)):
        return value
    lowest = f"{'at least' if is_allowed else 'above'} {low:g}"
    highest = f" and at most {high:g}" if math.isfinite(high) else ""
    raise UserError(f"`fade` {name} must be {lowest}{highest}; got '{text}'")
