"""Choices and checks of the data options."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trainers.errors import UserError

__all__ = ["ON_ERROR", "SPLITS", "checked_sigma", "most_examples", "separated"]


def separated(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Returns names one by one.

    Args:
        names: Texts, of which one with commas has several names; None for None.
    """
    if names is None:
        return None
    return tuple(name for text in names for name in str(text).split(",") if name)


def checked_sigma(sigma: float | Sequence[float] | None, distribution: str) -> tuple[float, float]:
    """Returns the lowest and the highest standard deviation of noise.

    Args:
        sigma: One number, the two ends of a range, or None for no noise.
        distribution: Distribution of sigma in the range, "uniform" or "log_uniform".

    Raises:
        UserError: if these are no standard deviations.
    """
    if distribution not in ("uniform", "log_uniform"):
        raise UserError(
            f"`noise_distribution` must be uniform or log_uniform; got '{distribution}'"
        )
    ends = [sigma] if isinstance(sigma, (int, float)) else list([0.0] if sigma is None else sigma)
    if len(ends) not in (1, 2) or not all(math.isfinite(value) and value >= 0 for value in ends):
        raise UserError(
            f"`noise_sigma` must be one number, at least 0, or two, a range; got {ends}"
        )
    low, high = float(ends[0]), float(ends[-1])
    if low > high:
        raise UserError(f"`noise_sigma` must be a range from low to high; got {ends}")
    if distribution == "log_uniform" and low == 0 < high:
        raise UserError(
            f"`noise_sigma` must be above 0 with `noise_distribution='log_uniform'`; got {ends}"
        )
    return low, high


SPLITS = ("train", "validation", "test")

ON_ERROR = ("raise", "skip")


def most_examples(limits: int | Sequence[int] | None) -> dict[str, int] | None:
    """Returns the maximum number of examples of each split; None without limits.

    Args:
        limits: One number for all splits, or one each for train, validation and test.

    Raises:
        UserError: if these are not one or three numbers above 0.
    """
    if limits is None:
        return None
    numbers = [limits] if isinstance(limits, int) else list(limits)
    if len(numbers) not in (1, len(SPLITS)) or min(numbers) < 1:
        raise UserError(
            "`max_examples` must be one number, at least 1, or three, for train, validation and "
            f"test; got {limits}"
        )
    return dict(zip(SPLITS, numbers * (len(SPLITS) // len(numbers)), strict=True))
