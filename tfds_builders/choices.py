"""Error messages about unknown names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["unknown_choice"]


def unknown_choice(kind: str, name: str, choices: Iterable[str]) -> str:
    """Returns a message with the choices and the closest one.

    Args:
        kind: Kind of the name, "dataset" for instance.
        name: The unknown name.
        choices: Allowed names.
    """
    names = list(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{name}': choose from {', '.join(names)}{hint}"
