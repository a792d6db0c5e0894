"""Masks of which some bits count, by value or by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from astropy.io import fits

from trainers.cutouts.mask_names import bits_by_name
from trainers.errors import UserError

__all__ = ["bits_of", "is_set"]


def bits_of(bits: Sequence[int | str], headers: Sequence[fits.Header], path: object) -> int | None:
    """Returns the sum of the values of bits; None for all.

    Args:
        bits: Values (1, 2, 4, ... or sums of them) and names, which headers have as `MP_NAME`.
        headers: Of the mask and of its file.
        path: The file, for errors.

    Raises:
        UserError: if a name is unknown, or a value not positive.
    """
    if not bits:
        return None
    planes = bits_by_name(*headers)
    total = 0
    for bit in bits:
        if isinstance(bit, int) and bit > 0:
            total |= bit
        elif str(bit).upper() in planes:
            total |= 1 << planes[str(bit).upper()]
        else:
            names = ", ".join(sorted(planes)) or "it has no names (MP_NAME in its header)"
            raise UserError(
                f"`mask_bits` must be positive values, or names of the mask of {path}: {names}; "
                f"got '{bit}'"
            )
    return total


def is_set(values: np.ndarray, bits: int | None) -> np.ndarray:
    """Returns which pixels are masked, (height, width) bool; those that are NaN are.

    Args:
        values: (height, width).
        bits: Sum of the bits that count; None for all.
    """
    if bits is None:
        return ~(values == 0)
    if np.issubdtype(values.dtype, np.integer):
        return (values.astype(np.int64) & bits) != 0
    unknown = ~np.isfinite(values)
    return unknown | ((np.where(unknown, 0, values).astype(np.int64) & bits) != 0)
