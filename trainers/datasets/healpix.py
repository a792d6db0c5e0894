"""HEALPix cells of positions on the sky."""

from __future__ import annotations

import numpy as np

__all__ = ["MAX_ORDER", "cells"]

MAX_ORDER = 29
"""Order of the smallest cells, whose numbers fit into 64 bits."""


def cells(ra: np.ndarray, dec: np.ndarray, order: int) -> np.ndarray:
    """Returns the cell of each position in the nested scheme, (positions,) int64.

    The sphere has 12 cells of equal area at order 0, each of which has four at the next order;
    at order 6 the side of a cell is 55 arcmin.

    Args:
        ra: Right ascensions, (positions,) degrees.
        dec: Declinations, (positions,) degrees.
        order: From 0 to `MAX_ORDER`.

    References:
        Gorski et al. 2005 (ApJ 622, 759), section 5.
    """
    side = 2**order
    z = np.sin(np.deg2rad(dec))
    quarter = np.mod(ra, 360.0) / 90.0  # of the circle, 0 to 4
    # Between the latitudes of 2/3, lines that rise and that fall with longitude.
    rising = np.floor(side * (0.5 + quarter - 0.75 * z)).astype(np.int64)
    falling = np.floor(side * (0.5 + quarter + 0.75 * z)).astype(np.int64)
    high, low = rising // side, falling // side
    belt_face = np.where(high == low, high % 4 + 4, np.where(high < low, high % 4, low % 4 + 8))
    belt_x, belt_y = falling % side, side - rising % side - 1
    # Around the poles, where 3 (1 - |z|) is the squared distance from the pole. The difference is
    # that of cosines: near the pole 1 - |z| has no digits left.
    sector = np.minimum(quarter.astype(np.int64), 3)
    colatitude = np.deg2rad(90.0 - np.abs(dec))
    distance = side * np.sqrt(6.0) * np.sin(colatitude / 2)
    across = quarter - sector
    first = np.minimum((across * distance).astype(np.int64), side - 1)
    second = np.minimum(((1.0 - across) * distance).astype(np.int64), side - 1)
    north = z >= 0
    polar_face = np.where(north, sector, sector + 8)
    polar_x = np.where(north, side - second - 1, first)
    polar_y = np.where(north, side - first - 1, second)
    belt = np.abs(z) <= 2 / 3
    face = np.where(belt, belt_face, polar_face)
    x, y = np.where(belt, belt_x, polar_x), np.where(belt, belt_y, polar_y)
    number = face << (2 * order)
    for bit in range(order):
        number |= ((x >> bit & 1) << (2 * bit)) | ((y >> bit & 1) << (2 * bit + 1))
    return number
