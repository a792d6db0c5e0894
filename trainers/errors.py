"""Errors that the commands report in one line.

Messages have arguments in backquotes, "`epochs` must be at least 1; got 0" or "`overwrite=True`".
The commands show them as options, see `trainers.cli.exit_status.as_options`.
"""

__all__ = ["LostWorkerError", "TrainingError", "UserError"]


class UserError(ValueError):
    """A mistake in the user's arguments or files; the commands exit with status 2."""


class TrainingError(RuntimeError):
    """Training cannot go on; the commands exit with status 1."""


class LostWorkerError(TrainingError):
    """Another worker is late, has stopped or cannot be reached; the commands exit with status 75.

    That is EX_TEMPFAIL of sysexits.h: the same command can resume the run.
    """
