"""Progress bars on terminals, progress lines elsewhere, with the time left."""

from __future__ import annotations

import sys
import time
from typing import TextIO

import tqdm

__all__ = ["ProgressBar"]

_LINE_SECONDS = 30.0


class ProgressBar:
    """A bar on a terminal or a line every 30 s elsewhere, and a line at the end.

    Args:
        title: Name of the work.
        total: Number of units.
        done: Number of units done earlier. Default 0.
        unit: Plural name of the units. Default "images".
        stream: Output. Default standard output.
    """

    def __init__(
        self,
        title: str,
        total: int,
        done: int = 0,
        *,
        unit: str = "images",
        stream: TextIO | None = None,
    ):
        self._stream = stream or sys.stdout
        self._title, self._total, self._unit = title, total, unit
        self._before = self._done = max(0, done)
        self._begun = self._line = time.monotonic()
        self._bar = tqdm.tqdm(
            total=total,
            initial=self._done,
            desc=title,
            unit=f" {unit}",
            file=self._stream,
            leave=False,
            dynamic_ncols=True,
            disable=None,
        )

    def add(self, number: int) -> None:
        """Counts `number` more units as done."""
        self._done += number
        self._bar.update(number)
        if self._bar.disable and time.monotonic() - self._line > _LINE_SECONDS:
            self._line = time.monotonic()
            left = (self._total - self._done) / self._rate()
            self._write(
                f"{self._done} of {self._total} {self._unit}", f"  {left / 60:.1f} min left"
            )

    def close(self) -> None:
        """Removes the bar and writes the last line."""
        self._bar.close()
        self._write(f"{self._total} {self._unit}")

    def _rate(self) -> float:
        return (self._done - self._before) / max(1e-9, time.monotonic() - self._begun)

    def _write(self, done: str, left: str = "") -> None:
        line = f"{self._title}  {done}  {self._rate():.0f} {self._unit}/s{left}"
        print(line, file=self._stream, flush=True)
