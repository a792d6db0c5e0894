"""Timings that take turns, so that what else the machine does falls on all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np

__all__ = ["fastest", "take_turns"]

# Largest share of the cores that others may have in a round that counts.
_QUIET = 0.05


def take_turns(
    timers: Mapping[str, Callable[[], float]],
    rounds: int,
    bystanders: Callable[[], float] | None,
    longest: float = 300.0,
) -> tuple[dict[str, np.ndarray], str]:
    """Returns what each timer returned in each round that counts, and a line on these rounds.

    Every round calls all of them; every other round in reverse order, so that none always
    follows the same one. Rounds in which other processes had more than a twentieth of the cores
    count only if there are fewer than three others: frameworks suffer unequally from them.

    Args:
        timers: By name, functions that return a speed.
        rounds: Number of rounds that are to count.
        bystanders: Returns the share of the cores that others had since it was last called; None
            where processor time is measured, of which others take little: then all rounds count.
        longest: Time after which no further round begins, s.
    """
    others_had = bystanders or (lambda: 0.0)
    begun = time.monotonic()
    measured: list[dict[str, float]] = []
    others: list[float] = []
    while np.count_nonzero(np.array(others) < _QUIET) < rounds:
        if len(others) >= 3 and time.monotonic() - begun > longest:
            break
        speeds, shares = {}, []
        for name in list(timers)[:: -1 if len(others) % 2 else 1]:
            others_had()
            speeds[name] = timers[name]()
            shares.append(others_had())
        measured.append(speeds)
        others.append(max(shares))
    shared = np.array(others)
    counted = np.flatnonzero(shared < _QUIET)
    verdict = f"{len(counted)} of {len(shared)} rounds count"
    if len(counted) < 3:
        counted = np.arange(len(shared))
        verdict = f"THE MACHINE WAS NOT QUIET, all {len(shared)} rounds count"
    line = f"{verdict}; others had up to {shared[counted].max():.0%} of the cores"
    if bystanders is None:
        line = "processor time"
    return {name: np.array([measured[i][name] for i in counted]) for name in timers}, line


def fastest(measured: Mapping[str, np.ndarray], names: Iterable[str]) -> str:
    """Returns the one of the names that had the largest median speed.

    Args:
        measured: What `take_turns` returned.
        names: Some of its names.
    """
    return max(names, key=lambda name: np.median(measured[name]))
