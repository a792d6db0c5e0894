"""How every command ends: its exit status, and one line about what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from trainers.errors import TrainingError, UserError

__all__ = ["exit_status"]


def exit_status(
    name: str,
    run: Callable[[list[str]], None],
    arguments: Sequence[str] | None,
    stopped: str = "stopped; the same command goes on from here",
) -> int:
    """Runs a command.

    Args:
        name: Of its module in `trainers`.
        run: Does it, with the command line.
        arguments: The command line without the program's name; None for that of the process.
        stopped: What is told of an interruption (Ctrl-C).

    Returns:
        0; 1 if it could not go on, 2 for a mistake of the user, 130 if it was interrupted.
    """
    # Before TensorFlow is first imported, which reads it: its remarks would bury the progress.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        run(list(sys.argv[1:] if arguments is None else arguments))
        return 0
    except UserError as error:
        status, told = 2, str(error)
    except (TrainingError, OSError) as error:
        status, told = 1, str(error)
    except KeyboardInterrupt:
        status, told = 130, stopped
    print(f"trainers.{name}: error: {' '.join(told.split())}", file=sys.stderr, flush=True)
    return status
