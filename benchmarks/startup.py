"""Start-up time of commands and imports.

    python -m benchmarks startup

Processor time of a process, beside that of `python -c pass`, in turns;
when nothing else runs it is the time on the clock, but for reading the files.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import rounds, table

__all__ = ["rows", "used"]

COMMANDS = (
    "run",
    "evaluate",
    "export",
    "predict",
    "catalogue",
    "serve_client",
    "frames",
    "domain_adaptation",
    "learning_curve",
    "active_learning",
    "cross_validation",
    "reproduce",
    "publish",
)
"""All of `python -m trainers.NAME`."""

# A process begins with the memory of the one that starts it, as far as its peak goes: a small one.
_STARTED = """
import json, os, sys, time
begun = time.perf_counter()
nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
command = [sys.executable, *sys.argv[1:]]
process = os.posix_spawn(sys.executable, command, os.environ, file_actions=nowhere)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - begun
status = os.waitstatus_to_exitcode(status)
print(json.dumps([status, usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / 1e3]))
"""

_PASS = ("-c", "pass")


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields a row for each command and package; of fewer rounds if it must be quick."""
    shown = {f"trainers.{name} --help": ("-m", f"trainers.{name}", "--help") for name in COMMANDS}
    shown |= {
        f"import {name}": ("-c", f"import {name}") for name in ("zoo", "trainers", "tfds_builders")
    }
    shown["trainers.run --list"] = ("-m", "trainers.run", "--list")
    number = 2 if quick else 3
    for name, measured, remark in _in_turns(shown, _PASS, number):
        yield table.compared(name, "s", measured, ("ours", "peer"), "python -c pass", remark)


def used(arguments: Sequence[str]) -> tuple[float, float, float]:
    """Runs Python and returns its processor time (s), the time on the clock (s) and its memory.

    The memory is the largest resident size of it or of a process that it waited for, MB.

    Raises:
        RuntimeError: if it fails.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", _STARTED, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    status, processor, clock, memory = json.loads(done.stdout)
    if status:
        raise RuntimeError(f"python {' '.join(arguments)} ended with status {status}")
    return processor, clock, memory


def _in_turns(
    shown: dict[str, Sequence[str]], peer: Sequence[str], number: int
) -> Iterator[tuple[str, dict[str, np.ndarray], str]]:
    clock: list[float] = []

    def processor_time(arguments: Sequence[str]) -> float:
        processor, seconds, _ = used(arguments)
        clock.append(seconds)
        return processor

    for name, arguments in shown.items():
        used(arguments)  # Reads the files.
        clock.clear()
        timers = {
            "ours": functools.partial(processor_time, arguments),
            "peer": functools.partial(processor_time, peer),
        }
        measured, _ = rounds.take_turns(timers, number, None)
        yield name, measured, f"on the clock {max(clock):.2f} s at most"
