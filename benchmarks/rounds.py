"""Timings that take turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

__all__ = ["ratios", "spread", "take_turns"]


# Largest share of the cores that others may have in a round that counts.
_QUIET = 0.05


def take_turns(
    timers: Mapping[str, Callable[[], float]],
    rounds: int,
    bystanders: Callable[[], float],
    longest: float = 300.0,
) -> tuple[dict[str, np.ndarray], str]:
    """Returns what each timer returned in each round that counts, and a line on these rounds.

    Every round calls all of them; every other round in reverse order, so that none always
    follows the same one. Rounds in which other processes had more than a twentieth of the cores
    count only if there are fewer than three others: frameworks suffer unequally from them.

    Args:
        timers: By name, functions that return a speed.
        rounds: Number of rounds that are to count.
        bystanders: Returns the share of the cores that others had since it was last called.
        longest: Time after which no further round begins, s.
    """
    begun = time.monotonic()
    measured: list[dict[str, float]] = []
    others: list[float] = []
    while np.count_nonzero(np.array(others) < _QUIET) < rounds:
        if len(others) >= 3 and time.monotonic() - begun > longest:
            break
        speeds, shares = {}, []
        for name in list(timers)[:: -1 if len(others) % 2 else 1]:
            bystanders()
            speeds[name] = timers[name]()
            shares.append(bystanders())
        measured.append(speeds)
        others.append(max(shares))
    shared = np.array(others)
    counted = np.flatnonzero(shared < _QUIET)
    verdict = f"{len(counted)} of {len(shared)} rounds count"
    if len(counted) < 3:
        counted = np.arange(len(shared))
        verdict = f"THE MACHINE WAS NOT QUIET, all {len(shared)} rounds count"
    line = f"{verdict}; others had up to {shared[counted].max():.0%} of the cores"
    return {name: np.array([measured[i][name] for i in counted]) for name in timers}, line


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
