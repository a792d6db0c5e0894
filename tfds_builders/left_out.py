"""Handling of objects that a builder cannot use."""

from __future__ import annotations

import sys

__all__ = ["ON_ERROR", "LeftOut"]

ON_ERROR = ("raise", "skip")

_MAX_PRINTED = 20


class LeftOut:
    """Stops at the first unusable object, or collects them.

    Args:
        on_error: "raise", or "skip" to leave the object out and keep a line about it.

    Attributes:
        lines: One for each object left out, without repetition, in order.
    """

    def __init__(self, on_error: str):
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error must be one of {', '.join(ON_ERROR)}; got '{on_error}'")
        self.on_error = on_error
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        """Raises ValueError with the line, or keeps it."""
        if self.on_error == "raise":
            raise ValueError(line)
        self.keep(line)

    def keep(self, line: str) -> None:
        """Keeps a line about an object that is left out in any case."""
        if line not in self.lines:
            self.lines.append(line)

    def report(self) -> None:
        """Prints how many were left out, and the first of them, to standard error."""
        if not self.lines:
            return
        shown = self.lines[:_MAX_PRINTED]
        print(f"left out {len(self.lines)} objects:", *shown, sep="\n  ", file=sys.stderr)
        if len(self.lines) > _MAX_PRINTED:
            print(f"  and {len(self.lines) - _MAX_PRINTED} more", file=sys.stderr)
