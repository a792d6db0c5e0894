"""Names of units in FITS files and datasets, and which of them mean the same."""

from __future__ import annotations

import re

from astropy import units

from trainers.cutouts.flux_units import flux_unit

__all__ = ["EQUIVALENCIES", "parsed"]

# Counts of a detector have several names, and a maggy is the flux of magnitude 0.
EQUIVALENCIES = [
    *((one, units.count, float, float) for one in (units.adu, units.DN)),
    (units.adu, units.DN, float, float),
    *units.zero_point_flux(3631 * units.Jy),
]


def parsed(text: str) -> units.UnitBase | str:
    """Returns the unit, without remarks in brackets; the text in small letters if it is unknown."""
    bare = re.sub(r"\(.*?\)", "", text).strip()
    return flux_unit(text) or flux_unit(bare) or bare.lower()
