"""Ctrl-C and SIGTERM: finish the step that is under way, keep the state, then leave."""

from __future__ import annotations

import signal
import sys
import threading
import time

__all__ = ["Interruption"]


class Interruption:
    """While it is entered, a first SIGINT or SIGTERM is only noted; a second one has its usual way.

    Attributes:
        asked: Whether a signal has come.
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
        """Says so and raises SystemExit with the status that a shell gives to the signal."""
        name = signal.Signals(self._signal).name
        print(f"stopped by {name}; the same command goes on from here", file=sys.stderr)
        raise SystemExit(128 + self._signal)

    def _note(self, number: int, frame: object) -> None:
        self.asked, self._signal, self._noted = True, number, time.monotonic()
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
