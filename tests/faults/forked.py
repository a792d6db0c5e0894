"""Jobs in processes that can be killed, forked from one that has TensorFlow imported already.

TensorFlow takes some seconds to import, which a hundred attempts cannot afford. A process in which
it has run an operation has threads that do not survive a fork: so the parent only imports, and
whatever computes is done in a child, the checks as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Attempt", "answer", "attempt"]

# Time in which the processes that a killed one had started must end by themselves, s.
_ORPHAN_SECONDS = 15.0


@dataclasses.dataclass(frozen=True)
class Attempt:
    """Result of an attempt at a job.

    Attributes:
        status: Exit status; None if it was killed.
        seconds: Duration, s.
        orphans: Number of processes that a killed job left behind and that did not end.
    """

    status: int | None
    seconds: float
    orphans: int = 0


def attempt(job: Callable[[], int], log: Path, kill_after: float | None = None) -> Attempt:
    """Does a job in a child process.

    Args:
        job: The job; returns an exit status.
        log: File to which its output is appended.
        kill_after: Time after which SIGKILL is sent to the child (not to what it has started), s;
            None to let it end.
    """
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(job, log)
    ended = os.pidfd_open(child)
    try:
        done, _, _ = select.select([ended], [], [], kill_after)
        if not done:
            os.kill(child, signal.SIGKILL)
    finally:
        os.close(ended)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - begun
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and not done
    code = None if killed else os.waitstatus_to_exitcode(status)
    return Attempt(code, seconds, _orphans(child))


def answer(question: Callable[[], Any], log: Path) -> Any:
    """Returns what a function returns in a child process, as JSON types.

    Raises:
        RuntimeError: if it fails there.
    """
    reader, writer = os.pipe()

    def ask() -> int:
        with os.fdopen(writer, "w") as file:
            json.dump(question(), file)
        return 0

    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(ask, log)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a check failed with status {status}; see {log}")
    return json.loads(text)


def _be_child(job: Callable[[], int], log: Path) -> None:
    status = 99
    try:
        # A group of its own, by which what it starts is found again.
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        status = job() or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _orphans(group: int) -> int:
    """Returns how many processes of a group do not end by themselves, and ends them."""
    end = time.monotonic() + _ORPHAN_SECONDS
    while (left := _members(group)) and time.monotonic() < end:
        time.sleep(0.05)
    if left:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    return len(left)


def _members(group: int) -> list[int]:
    children = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] not in "ZX":
                children.append(int(entry.name))
    return children
