"""What the commands tell their user in one line."""

__all__ = ["TrainingError", "UserError"]


class UserError(ValueError):
    """A mistake in what the user asked for or gave; the commands exit with status 2."""


class TrainingError(RuntimeError):
    """Training cannot go on; the commands exit with status 1."""
