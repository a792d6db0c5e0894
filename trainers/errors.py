"""What the commands tell their user in one line."""

__all__ = ["LostWorkerError", "TrainingError", "UserError"]


class UserError(ValueError):
    """A mistake in what the user asked for or gave; the commands exit with status 2."""


class TrainingError(RuntimeError):
    """Training cannot go on; the commands exit with status 1."""


class LostWorkerError(TrainingError):
    """Another worker is late, has stopped or cannot be reached; the commands exit with status 75.

    That is EX_TEMPFAIL of sysexits.h: the same command, given again, can go on.
    """
