"""Checks of arguments that are one of several names."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["check_choice"]


def check_choice(name: str, value: str, allowed: Iterable[str]) -> None:
    """Checks the value of an argument.

    Args:
        name: Name of the argument.
        value: Its value.
        allowed: Values that it may have.

    Raises:
        ValueError: if it has another; the message lists those it may have.
    """
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(sorted(allowed))}; got '{value}'")
