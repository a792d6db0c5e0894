"""Extensions of FITS files that stand beside an image: errors, masks, weights, distortions."""

from __future__ import annotations

import re

__all__ = ["is_companion", "is_mask"]

_MASK = r"DQ|MASK|DATA_?QUALITY|FLAGS?|BPM"
_COMPANIONS = (
    rf"(ERR(OR)?|VAR(IANCE)?|WHT|WEIGHTS?|IVAR|INVVAR|RMS|PSF|UNCERT(AINTY)?|EXP(OSURE)?|{_MASK}"
    r"|D2IMARR|WCSDVARR|WCSCORR)$"
)


def is_companion(name: str) -> bool:
    """Returns whether an extension of this name is no image of the sky.

    Args:
        name: EXTNAME, such as "ERR" or "DQ", in any capitals.
    """
    return re.match(_COMPANIONS, name.strip(), re.IGNORECASE) is not None


def is_mask(name: str) -> bool:
    """Returns whether an extension of this name is a mask.

    Args:
        name: EXTNAME, such as "DQ", in any capitals.
    """
    return re.match(rf"({_MASK})$", name.strip(), re.IGNORECASE) is not None
