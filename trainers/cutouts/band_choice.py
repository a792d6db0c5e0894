"""Bands by their names: which planes of a file are those of the model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from astropy.io import fits

__all__ = ["MissingBandsError", "of_header", "places"]

_NUMBERED = "BAND"
_OF_AN_EXTENSION = ("FILTER", "BAND")


class MissingBandsError(ValueError):
    """Bands of the model are not among those that are there."""


def places(wanted: Sequence[str], names: Sequence[str], stated: bool) -> list[int] | None:
    """Returns the planes that are the wanted bands, in their order.

    Args:
        wanted: Names of the bands of the model; capitals matter only where they tell two apart.
        names: Those of the planes.
        stated: Whether a user says so. Names of a file that have nothing in common with the wanted
            ones are in another language, and tell nothing.

    Returns:
        None if the names tell nothing.

    Raises:
        MissingBandsError: if a band is missing.
    """
    alike = {name.lower(): place for place, name in enumerate(names)}
    exact = {name: place for place, name in enumerate(names)}
    known = [exact.get(name, alike.get(name.lower())) for name in wanted]
    if all(place is not None for place in known):
        return known
    if not stated and all(place is None for place in known):
        return None
    missing = [name for name, place in zip(wanted, known, strict=True) if place is None]
    raise MissingBandsError(
        f"has the bands {' '.join(names)}; {' '.join(missing)} of {' '.join(wanted)} must be there"
    )


def of_header(header: fits.Header, planes: int) -> tuple[str, ...] | None:
    """Returns the names of the planes of a cube, or of the one plane of an image.

    They are BAND0, BAND1, ... or BANDS ("grz" or "g,r,z"), and of an image FILTER or BAND, else the
    name of its extension.

    Args:
        header: Of the image.
        planes: How many there are.

    Returns:
        None if the header does not say it.
    """
    if planes == 1:
        names = [str(header.get(key, "")).strip() for key in (*_OF_AN_EXTENSION, "EXTNAME")]
        named = [name for name in names if name]
        return (named[0],) if named else None
    for first in (0, 1):
        keys = [f"{_NUMBERED}{number + first}" for number in range(planes)]
        if all(key in header for key in keys):
            return tuple(str(header[key]).strip() for key in keys)
    text = str(header.get("BANDS", "")).strip()
    names = re.split(r"[\s,]+", text) if re.search(r"[\s,]", text) else list(text)
    return tuple(names) if len(names) == planes and len(set(names)) == planes else None
