"""Units of pixels, from the spellings that FITS files have for them."""

from __future__ import annotations

import re
import warnings

from astropy import units

__all__ = ["flux_unit"]

_FORMATS = ("fits", "cds", "ogip", "generic")

# Words that astropy knows by another name, or in other capitals alone.
_NAMES = {
    "adu": ("adu", "adus"),
    "DN": ("dn", "dns"),
    "ct": ("ct", "cts", "count", "counts"),
    "electron": ("e", "e-", "elec", "electron", "electrons"),
    "photon": ("ph", "phot", "photon", "photons"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "h": ("hr", "hour", "hours"),
    "pix": ("pix", "pixel", "pixels"),
    "mgy": ("mgy", "maggy", "maggies"),
    "nmgy": ("nmgy", "nmaggy", "nmaggies", "nanomaggy", "nanomaggies"),
    "Jy": ("jy", "jansky", "janskys"),
    "mJy": ("millijansky",),
    "uJy": ("microjy", "microjansky"),
    "nJy": ("nanojy", "nanojansky"),
    "erg": ("erg", "ergs"),
    "cm": ("cm",),
    "Angstrom": ("ang", "angstrom", "angstroms"),
    "Hz": ("hz", "hertz"),
    "sr": ("sr", "ster", "steradian"),
    "arcsec": ("arcsec", "arcsecs", "arcsecond"),
}
_SPELLINGS = {spelling: name for name, spellings in _NAMES.items() for spelling in spellings}

# Words with the powers that may follow them; of "e-", the sign is a part.
_WORD = re.compile(r"e-(?!\d)|[a-zµμ]+", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d.]*[eE][+-]?\d+")

# No image is in siemens, amperes or elementary charges: S, A and e mean something else there.
_ELECTRICITY = "A"


def flux_unit(text: str) -> units.UnitBase | None:
    """Returns the unit that a BUNIT names; None for an unknown one.

    The spelling may be that of the FITS standard, CDS, OGIP or astropy, and names of detectors'
    units may be in any capitals and in the plural.

    Args:
        text: The text, such as "ELECTRONS/S", "nanomaggy" or "erg/s/cm2/Angstrom".

    References:
        Pence et al. 2010, A&A 524, A42, section 4.3; Vollmann and Eichhorn (CDS), Standards for
        astronomical catalogues 2.0, section 3.2; George and Angelini (OGIP), 93-001.
    """
    text = text.strip()
    respelt = _respelt(text)
    for spelling in (text, respelt, respelt.replace("^", "**")) if text else ():
        for name in _FORMATS:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Of several slashes.
                    unit = units.Unit(spelling, format=name)
            except (ValueError, TypeError):
                continue
            if _ELECTRICITY not in {base.name for base in unit.decompose().bases}:
                return unit
    return None


def _respelt(text: str) -> str:
    numbers = _NUMBER.findall(text)
    rest = _NUMBER.sub("\0", text)
    words = _WORD.sub(lambda word: _SPELLINGS.get(word[0].lower(), word[0]), rest)
    for number in numbers:
        words = words.replace("\0", number, 1)
    return words
