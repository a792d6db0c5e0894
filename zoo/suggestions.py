"""Suggestions of the nearest name, for error messages about an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Returns " (did you mean 'NEAREST'?)", or nothing if no choice resembles the name."""
    nearest = difflib.get_close_matches(str(name), list(choices), n=1, cutoff=0.5)
    return f" (did you mean '{nearest[0]}'?)" if nearest else ""
