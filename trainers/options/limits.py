"""Limits and choices that several options share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainers.errors import UserError

__all__ = ["ON_ERROR", "SPLITS", "checked_sigma", "most_examples"]


def checked_sigma(sigma: float | Sequence[float] | None, distribution: str) -> tuple[float, float]:
    """Returns the lowest and the highest standard deviation of noise.

    Args:
        sigma: One number, the two ends of a range, or None for no noise.
        distribution: How sigma is drawn from the range, "uniform" or "log_uniform".

    Raises:
        UserError: if these are not numbers that there can be noise of.
    """
    if distribution not in ("uniform", "log_uniform"):
        raise UserError(
            f"`noise_distribution` must be uniform or log_uniform; got '{distribution}'"
        )
    given = [sigma] if isinstance(sigma, (int, float)) else list([0.0] if sigma is None else sigma)
    if len(given) not in (1, 2) or not all(math.isfinite(value) and value >= 0 for value in given):
        raise UserError(
            f"`noise_sigma` must be one number, at least 0, or two, a range; got {given}"
        )
    low, high = float(given[0]), float(given[-1])
    if low > high:
        raise UserError(f"`noise_sigma` must be a range from low to high; got {given}")
    if distribution == "log_uniform" and low == 0 < high:
        raise UserError(
            f"`noise_sigma` must be above 0 with `noise_distribution='log_uniform'`; got {given}"
        )
    return low, high


SPLITS = ("train", "validation", "test")


ON_ERROR = ("raise", "skip")


def most_examples(given: int | Sequence[int] | None) -> dict[str, int] | None:
    """Returns the most examples that each split may have, or None where all are used.

    Args:
        given: One number for all splits, or one each for train, validation and test.

    Raises:
        UserError: if these are not one or three numbers above 0.
    """
    if given is None:
        return None
    numbers = [given] if isinstance(given, int) else list(given)
    if len(numbers) not in (1, len(SPLITS)) or min(numbers) < 1:
        raise UserError(
            "`max_examples` must be one number, at least 1, or three, for train, validation and "
            f"test; got {given}"
        )
    return dict(zip(SPLITS, numbers * (len(SPLITS) // len(numbers)), strict=True))
