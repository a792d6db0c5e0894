"""Extensions of FITS files that stand beside an image: errors, masks, weights, distortions."""

from __future__ import annotations

import functools
import re

__all__ = ["is_companion", "is_mask", "own_name", "role"]

_ROLES = {
    "mask": r"DQ|MASK|DATA_?QUALITY|FLAGS?|BPM",
    "weight": r"WHT|WEIGHTS?|IVAR|INVVAR",
    "other": r"ERR(?:OR)?|VAR(?:IANCE)?|RMS|PSF|UNCERT(?:AINTY)?|EXP(?:OSURE)?"
    r"|D2IMARR|WCSDVARR|WCSCORR",
}
_NAMES = {
    role: re.compile(
        rf"(?:(?P<before>.+)[_-])?(?:{words})(?:(?P<number>\d+)|[_-](?P<after>.+))?$", re.IGNORECASE
    )
    for role, words in _ROLES.items()
}
_SCIENCE = re.compile(
    r"^(SCI|IMAGE|IMG|DATA)([_-]|(?=\d))|[_-](SCI|IMAGE|IMG|DATA)$", re.IGNORECASE
)


def is_companion(name: str) -> bool:
    """Returns whether an extension of this name is no image of the sky.

    Args:
        name: EXTNAME, such as "ERR", "DQ", "MASK_G" or "SCI_WHT", in any capitals.
    """
    return role(name) is not None


def is_mask(name: str) -> bool:
    """Returns whether an extension of this name is a mask, of no image in particular.

    Args:
        name: EXTNAME, such as "DQ", in any capitals.
    """
    return role(name) == ("mask", "")


@functools.lru_cache(maxsize=256)
def role(name: str) -> tuple[str, str] | None:
    """Returns what an extension is to an image, and the name of that image.

    Args:
        name: EXTNAME, in any capitals.

    Returns:
        "mask", "weight" or "other", and the rest of the name: `G` of "MASK_G", `1` of "ERR1", empty
        for "SCI_ERR"; None for an image of the sky.
    """
    for kind, pattern in _NAMES.items():
        match = pattern.match(name.strip())
        if match and not (match["before"] and (match["after"] or match["number"])):
            return kind, own_name(match["before"] or match["after"] or match["number"] or "")
    return None


def own_name(name: str) -> str:
    """Returns the name of an image without the word that it is one: `G` of "SCI_G"."""
    return "" if name.upper() in ("SCI", "IMAGE", "IMG", "DATA") else _SCIENCE.sub("", name)
