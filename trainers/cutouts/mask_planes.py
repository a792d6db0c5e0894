"""Masks of which some bits count, by the names of their planes or by their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.io import fits

__all__ = ["DEFAULT_BITS", "UnknownBitError", "is_set", "value_of"]

DEFAULT_BITS = ("BAD", "SAT", "CR", "NO_DATA", "UNMASKEDNAN")
"""Planes of a mask with names whose pixels are unknown. Others, such as DETECTED, are of good
pixels. In a mask without names all bits count."""

_PLANE = "MP_"
_MOST = 63  # bits of a positive int64


class UnknownBitError(ValueError):
    """A bit is none of a mask.

    Attributes:
        bit: The bit.
        allowed: Names and numbers of those that there are, for a message.
    """

    def __init__(self, bit: str, allowed: str):
        super().__init__(f"bits must be {allowed}; got '{bit}'")
        self.bit, self.allowed = bit, allowed


def value_of(bits: Sequence[str] | None, depth: int, *headers: fits.Header) -> int | None:
    """Returns the sum of the values of bits; None for all that there may be.

    Args:
        bits: Names of planes, in any case, or numbers of bits, counted from 0: bit 3 has the value
            8. None for `DEFAULT_BITS` in a mask whose planes have names, and else for all.
        depth: Bits of a pixel.
        *headers: Headers in which keywords MP_NAME have the numbers of the planes, as the Rubin
            (LSST) and Subaru (HSC) pipelines write them; the first that has a name counts.

    Raises:
        UnknownBitError: if a bit is neither a name nor a number of the mask's.
    """
    planes = _numbers_by_name(headers)
    if bits is None:
        if not planes:
            return None
        bits = [name for name in DEFAULT_BITS if name in planes]
    return sum(1 << number for number in {_number(bit, planes, depth) for bit in bits})


def is_set(values: np.ndarray, bits: int | None) -> np.ndarray:
    """Returns which pixels are masked, bool; those that are not finite are.

    Args:
        values: Of a mask.
        bits: Sum of the values of the bits that count; None for all.
    """
    if bits is None:
        return ~(values == 0)
    if np.issubdtype(values.dtype, np.integer):
        return (values.astype(np.int64) & bits) != 0
    unknown = ~np.isfinite(values)
    return unknown | ((np.where(unknown, 0, values).astype(np.int64) & bits) != 0)


def _number(bit: str, planes: dict[str, int], depth: int) -> int:
    if bit.upper() in planes:
        return planes[bit.upper()]
    last = min(depth, _MOST) - 1
    if bit.isdecimal() and int(bit) <= last:
        return int(bit)
    names = f"{', '.join(planes)} (MP_NAME in its header) or " if planes else ""
    without = "" if planes else ", as its header has no names (MP_NAME)"
    raise UnknownBitError(
        bit, f"{names}numbers from 0 to {last}, of which bit 3 has the value 8{without}"
    )


def _numbers_by_name(headers: Sequence[fits.Header]) -> dict[str, int]:
    return {
        key[len(_PLANE) :].upper(): int(value)
        for header in reversed(headers)
        for key, value in header.items()
        if key.upper().startswith(_PLANE) and isinstance(value, int) and 0 <= value < _MOST
    }
