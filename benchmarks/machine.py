"""The machine of a benchmark, and the share of it that other processes had meanwhile."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo import cpu

if TYPE_CHECKING:
    from benchmarks.workers import Worker

__all__ = [
    "Bystanders",
    "bystanders",
    "cores",
    "count",
    "describe",
    "keep_to_cores",
    "own_seconds",
    "set_up_tensorflow",
]


def set_up_tensorflow() -> None:
    """Sets TensorFlow up as the commands do, for this process and for those that it starts."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    cpu.prefer_onednn()


def describe(packages: Sequence[str]) -> str:
    """Returns one line: processor, its instruction set, oneDNN, cores, Python, package versions.

    Args:
        packages: Names of distributions, some of which may be missing.
    """
    versions = [f"{name} {_version(name)}" for name in packages]
    parts = [
        f"{_processor()}, {count(cores())}, {cpu.describe()}",
        f"Python {platform.python_version()}",
        *versions,
    ]
    return "; ".join(parts)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def count(number: int) -> str:
    """Returns a number of cores in words: "1 core", "2 cores"."""
    return f"{number} core" + "s" * (number != 1)


def keep_to_cores(number: int) -> None:
    """Lets this process, and what it starts, use the first so many of its cores.

    Args:
        number: From 1 to `cores()`.

    Raises:
        ValueError: if it has not so many.
    """
    if not 1 <= number <= cores():
        raise ValueError(f"number must be 1 to {cores()} cores; got {number}")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:number])


class Bystanders:
    """The cores that other processes used since the last look; zero where there is no /proc.

    Args:
        own: Ids of the processes that, with those that they started, are not others.
    """

    def __init__(self, own: Sequence[int]):
        self._own = tuple(own)
        self._last = self._look()

    def share(self) -> float:
        """Returns the fraction of all cores that others kept busy since the last call."""
        before, self._last = self._last, self._look()
        seconds, busy, own = (now - then for now, then in zip(self._last, before, strict=True))
        return max(0.0, (busy - own) / (seconds * os.cpu_count()))

    def _look(self) -> tuple[float, float, float]:
        return time.perf_counter(), _busy_seconds(), own_seconds(self._own)


def bystanders(*workers: Worker) -> Callable[[], float]:
    """Returns `Bystanders.share` for this process and some that it started.

    Args:
        *workers: The processes that are not others.
    """
    return Bystanders([os.getpid(), *(worker.pid for worker in workers)]).share


def _busy_seconds() -> float:
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    user, nice, system, _, _, interrupts, soft, *_ = map(int, path.open().readline().split()[1:])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def own_seconds(processes: Sequence[int]) -> float:
    """Returns the time of processes and of all that they started, those that ended included."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        # The name, in parentheses, may hold anything; the process may have ended meanwhile.
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            process = int(path.parent.name)
            parents[process], ticks[process] = int(fields[1]), sum(map(int, fields[11:15]))
    own = set(processes) & set(parents)
    while started := {child for child, parent in parents.items() if parent in own} - own:
        own |= started
    return sum(ticks[process] for process in own) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
