"""Names of units in FITS files and datasets, and which of them mean the same."""

from __future__ import annotations

import re
import warnings

from astropy import units

__all__ = ["EQUIVALENCIES", "parsed"]

# What FITS files and datasets say, and astropy does not know.
_SPELLINGS = {
    **dict.fromkeys(("nanomaggies", "nMgy", "nmaggy", "nmaggies"), units.Unit("nmgy")),
    **dict.fromkeys(("maggies", "Mgy"), units.Unit("mgy")),
    **dict.fromkeys(("counts", "Counts", "COUNTS", "ADU", "DNs"), units.adu),
    **dict.fromkeys(("JY", "Jansky", "JANSKY"), units.Jy),
}
# What a detector counts has several names, and a maggy is the flux of magnitude 0.
EQUIVALENCIES = [
    *((one, units.count, float, float) for one in (units.adu, units.DN)),
    (units.adu, units.DN, float, float),
    *units.zero_point_flux(3631 * units.Jy),
]


def parsed(text: str) -> units.UnitBase | str:
    """Returns the unit, or the text in small letters if it is none that astropy knows."""
    bare = re.sub(r"\(.*?\)", "", text).strip()
    with warnings.catch_warnings(), units.set_enabled_aliases(_SPELLINGS):
        warnings.simplefilter("ignore")
        try:
            return units.Unit(bare)
        except (ValueError, TypeError):
            return bare.lower()
