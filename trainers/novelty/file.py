"""Name of the file of a reference, for those who need no more of it."""

__all__ = ["VALIDITY"]

VALIDITY = "validity.npz"
"""Statistics of the training images, in the folder of a run and of a SavedModel."""
