"""Progress lines of a build, for log files and where TFDS's bars have no total."""

from __future__ import annotations

import sys
import time

from tqdm import tqdm

__all__ = ["ProgressLines"]

_LINE_SECONDS = 10.0


class ProgressLines:
    """A line to standard error now and then, on terminals and in log files alike.

    Args:
        title: Name of the work.
        total: Number of units in all.
        unit: Name of the units, in the plural. Default "objects".
    """

    def __init__(self, title: str, total: int, *, unit: str = "objects"):
        self._title, self._total, self._unit = title, total, unit
        self._done = 0
        self._begun = self._line = time.monotonic()

    def add(self, number: int) -> None:
        """Counts `number` more units as done."""
        self._done += number
        now = time.monotonic()
        if not self._done or now - self._line < _LINE_SECONDS:
            return
        self._line = now
        rate = self._done / (now - self._begun)
        left = (self._total - self._done) / rate
        # Past the bars that TFDS may have there.
        tqdm.write(
            f"{self._title}  {self._done} of {self._total} {self._unit}  "
            f"{rate:.0f} {self._unit}/s  {left / 60:.1f} min left",
            file=sys.stderr,
        )
