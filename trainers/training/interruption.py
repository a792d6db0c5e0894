"""Clean exit on SIGINT and SIGTERM, after the present step."""

from __future__ import annotations

import signal
import sys
import threading
import time

__all__ = ["Interruption"]


class Interruption:
    """Context in which a first SIGINT or SIGTERM sets a flag; a second one has its usual effect.

    Attributes:
        asked: True after a signal.
    """

    def __init__(self) -> None:
        self.asked = False
        self._signal, self._noted = 0, 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interruption:
        # Python allows handlers in the main thread only.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *unused) -> None:
        self._restore()

    @property
    def waited(self) -> float:
        """Time since the signal, s."""
        return time.monotonic() - self._noted

    def leave(self) -> None:
        """Prints a message, and raises SystemExit with the shell's status for the signal."""
        name = signal.Signals(self._signal).name
        print(f"stopped by {name}; the same command resumes", file=sys.stderr)
        raise SystemExit(128 + self._signal)

    def _note(self, number: int, frame: object) -> None:
        self.asked, self._signal, self._noted = True, number, time.monotonic()
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
