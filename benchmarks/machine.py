"""What a benchmark ran on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

__all__ = ["describe"]


def describe(packages: Sequence[str]) -> str:
    """Returns one line: processor, cores, load of the last minute, Python and package versions.

    Args:
        packages: Names of distributions.
    """
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    parts = [
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores (load {os.getloadavg()[0]:.1f})",
        f"Python {platform.python_version()}",
        *versions,
    ]
    return "; ".join(parts)


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
