"""Advisory file locks."""

from __future__ import annotations

import fcntl
from typing import IO

__all__ = ["acquire"]


def acquire(file: IO, wait: bool = False) -> bool:
    """Locks an open file; the system lets go of it when the process ends, in whatever way.

    Args:
        file: The file; the lock lasts until it is closed.
        wait: Whether another process that has it is waited for.

    Returns:
        Whether no other process has it. Where the file system has no locks, nobody knows, and it
        is taken for true.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
