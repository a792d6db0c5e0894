"""What a benchmark ran on, and how much of it others used meanwhile."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Bystanders", "describe"]


def describe(packages: Sequence[str]) -> str:
    """Returns one line: processor, cores, Python and package versions.

    Args:
        packages: Names of distributions.
    """
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    parts = [
        f"{_processor()}, {_cores()} cores",
        f"Python {platform.python_version()}",
        *versions,
    ]
    return "; ".join(parts)


class Bystanders:
    """The cores that other processes used since the last look; zero where there is no /proc.

    Args:
        own: Ids of the processes that are not others.
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
        return time.perf_counter(), _busy_seconds(), sum(map(_process_seconds, self._own))


def _busy_seconds() -> float:
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    user, nice, system, _, _, interrupts, soft, *_ = map(int, path.open().readline().split()[1:])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def _process_seconds(process: int) -> float:
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    # The name, in parentheses, may hold anything.
    fields = path.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
