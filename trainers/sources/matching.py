"""One-to-one matches of positions."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["match_positions"]


def match_positions(first: np.ndarray, second: np.ndarray, radius: float) -> np.ndarray:
    """Returns for each position of the first list that of the second which it is matched with.

    As many pairs as possible are closer than the radius, and of all such sets of pairs the one
    with the smallest sum of distances is taken, so that in a close blend no position takes the
    partner of another.

    Args:
        first: (n, 2), px.
        second: (m, 2).
        radius: Largest distance of a pair, px.

    Returns:
        (n,) int, index in the second list, -1 without a match.

    Raises:
        ValueError: if the radius is not positive.
    """
    if not radius > 0:
        raise ValueError(f"radius must be positive; got {radius}")
    matched = np.full(len(first), -1)
    if not len(first) or not len(second):
        return matched
    distance = np.hypot(*(first[:, None] - second[None]).transpose(2, 0, 1))
    near = distance <= radius
    # A pair more is worth any sum of distances.
    cost = np.where(near, distance, (min(len(first), len(second)) + 1) * radius)
    rows, columns = linear_sum_assignment(cost)
    paired = near[rows, columns]
    matched[rows[paired]] = columns[paired]
    return matched
