"""Checks of the attributes of builder configurations.

Each error names the attribute, what is allowed and what it is.
"""

from __future__ import annotations

import numbers
from collections.abc import Collection
from typing import Any

from tfds_builders.choices import closest_hint

__all__ = [
    "check_at_least",
    "check_between",
    "check_choice",
    "check_processes",
    "check_split_sizes",
]


def check_at_least(config: Any, name: str, low: float) -> None:
    """Checks a number that has a least value.

    Args:
        config: A configuration.
        name: Attribute that holds the number.
        low: Least value.

    Raises:
        ValueError: if it is smaller or no number.
    """
    _check_at_least(name, getattr(config, name), low)


def check_between(config: Any, name: str, low: float, high: float, unit: str = "") -> None:
    """Checks a number that has a least and a greatest value, both allowed.

    Args:
        config: A configuration.
        name: Attribute that holds the number.
        low: Least value.
        high: Greatest value.
        unit: Unit that the message names.

    Raises:
        ValueError: if it is outside or no number.
    """
    value = getattr(config, name)
    if not (is_number(value) and low <= value <= high):
        unit = f" {unit}" if unit else ""
        raise ValueError(f"{name} must be between {low} and {high}{unit}; got {value}")


def check_choice(config: Any, name: str, allowed: Collection[str]) -> None:
    """Checks a name that is one of several.

    Args:
        config: A configuration.
        name: Attribute that holds the name.
        allowed: Names that it may be.

    Raises:
        ValueError: if it is another.
    """
    value = getattr(config, name)
    if value not in allowed:
        hint = closest_hint(str(value), allowed)
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got '{value}'{hint}")


def check_processes(config: Any) -> None:
    """Checks the number of processes, `processes`, at least 1 or None.

    Args:
        config: A configuration.

    Raises:
        ValueError: if it is smaller or no number.
    """
    if config.processes is not None:
        check_at_least(config, "processes", 1)


def check_split_sizes(config: Any, low: int = 1) -> None:
    """Checks the number of examples of each split, `num_train` and so on.

    Args:
        config: A configuration with `numbers`, the number of examples by split.
        low: Least number.

    Raises:
        ValueError: if one is smaller or no number.
    """
    for split, number in config.numbers.items():
        _check_at_least(f"num_{split}", number, low)


def is_number(value: Any) -> bool:
    """True of a real number; a bool is none.

    The type of an option is checked against its default, which says nothing where that is None.
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _check_at_least(name: str, value: Any, low: float) -> None:
    if not (is_number(value) and value >= low):
        raise ValueError(f"{name} must be at least {low}; got {value}")
