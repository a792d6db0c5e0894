"""Timings that take turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["ratios", "spread", "take_turns", "text_table"]


def take_turns(timers: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, np.ndarray]:
    """Returns what each timer returned in each round, (rounds,).

    Every round calls all of them; every other round in reverse order, so that none always
    follows the same one.

    Args:
        timers: By name, functions that return a speed.
        rounds: Number of rounds.
    """
    measured: dict[str, list[float]] = {name: [] for name in timers}
    for number in range(rounds):
        for name in list(timers)[:: -1 if number % 2 else 1]:
            measured[name].append(timers[name]())
    return {name: np.array(values) for name, values in measured.items()}


def ratios(measured: Mapping[str, np.ndarray], name: str, peer: str) -> np.ndarray:
    """Returns the speed of one in units of that of another, round by round.

    Args:
        measured: What `take_turns` returned.
        name: The one.
        peer: The other.
    """
    return measured[name] / measured[peer]


def spread(values: np.ndarray, digits: int) -> list[str]:
    """Returns minimum, median and maximum as text."""
    numbers = (values.min(), np.median(values), values.max())
    return [f"{number:.{digits}f}" for number in numbers]


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table whose columns are aligned."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        first, *rest = cells
        padded = [first.ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *(line(row) for row in rows)])
