"""Exit codes and error reporting of the commands."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Sequence

from trainers.errors import LostWorkerError, TrainingError, UserError
from zoo.cpu import prefer_onednn

__all__ = ["as_options", "command", "exit_status"]

# Arguments in the messages of errors: `name`, or `name=value`.
_ARGUMENT = re.compile(r"`([a-z]\w*)(?:=([^`]*))?`")

_STOPPED = "stopped; the same command resumes"

# TensorFlow wraps an error of Python code in a pipeline in one of its own.
_RAISED_INSIDE = re.compile(r"\bTrainingError: (.*?)\nTraceback", re.DOTALL)


def command(
    name: str,
    run: Callable[[list[str]], None],
    stopped: str = _STOPPED,
) -> Callable[..., int]:
    """Returns the `main` of a command, a function of its command line; see `exit_status`."""
    return functools.partial(exit_status, name, run, stopped=stopped)


def exit_status(
    name: str,
    run: Callable[[list[str]], None],
    arguments: Sequence[str] | None = None,
    stopped: str = _STOPPED,
) -> int:
    """Runs a command, and reports errors in one line.

    Args:
        name: Name of its module in `trainers`.
        run: Function of the command line.
        arguments: The command line without the program's name. Default that of the process.
        stopped: Message after an interruption (Ctrl-C).

    Returns:
        0 for success, 1 if the command could not go on, 2 for a mistake of the user, 75 if another
        worker was lost, 130 after an interruption. TensorFlow's errors about files and memory count
        as an `OSError`.
    """
    # Before the first import of TensorFlow, whose messages would hide the progress; those that it
    # calls errors are about omitted optimisations. Real errors are raised.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prefer_onednn()
    try:
        run(list(sys.argv[1:] if arguments is None else arguments))
        return 0
    except UserError as error:
        status, message = 2, str(error)
    except LostWorkerError as error:
        status, message = 75, str(error)
    except (TrainingError, OSError) as error:
        status, message = 1, str(error)
    except KeyboardInterrupt:
        status, message = 130, stopped
    except Exception as error:
        reason = _of_machine(error)
        if reason is None:
            raise
        status, message = 1, reason
    line = as_options(" ".join(message.split()))
    print(f"trainers.{name}: error: {line}", file=sys.stderr, flush=True)
    return status


def as_options(message: str) -> str:
    """Returns the message of an error with `name` or `name=value` as command-line options."""

    def option(match: re.Match[str]) -> str:
        name, value = match.groups()
        # A flag has no value on the command line.
        shown = "" if value in (None, "True") else " " + value.strip("'\"")
        return f"--{name}{shown}"

    return _ARGUMENT.sub(option, message)


def _of_machine(error: BaseException | None) -> str | None:
    """Returns TensorFlow's message about a disk, a file or memory; None for other errors.

    TFDS wraps such errors in others.
    """
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    if errors is None:
        return None
    kinds = (
        errors.DataLossError,
        errors.FailedPreconditionError,
        errors.NotFoundError,
        errors.PermissionDeniedError,
        errors.ResourceExhaustedError,
        errors.UnavailableError,
    )
    while error is not None:
        if isinstance(error, kinds):
            # Without the prefix with the name of the operation.
            return error.message.split("}} ")[-1]
        if isinstance(error, errors.UnknownError):
            raised = _RAISED_INSIDE.search(error.message)
            if raised is not None:
                return raised[1]
        error = error.__cause__
    return None
