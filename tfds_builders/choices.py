"""Error messages about unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["closest_hint", "unknown_choice"]


def unknown_choice(kind: str, name: str, choices: Iterable[str]) -> str:
    """Returns a message with the choices and the closest one.

    Args:
        kind: Kind of the name, "dataset" for instance.
        name: The unknown name.
        choices: Allowed names.
    """
    names = list(choices)
    return f"unknown {kind} '{name}': choose from {', '.join(names)}{closest_hint(name, names)}"


def closest_hint(name: str, choices: Iterable[str]) -> str:
    """Returns the end of a message with the closest choice; empty if none is close.

    Args:
        name: The unknown name.
        choices: Allowed names.
    """
    near = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.4)
    return f"; did you mean '{near[0]}'?" if near else ""
