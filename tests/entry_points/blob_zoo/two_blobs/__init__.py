"""Faint and bright blobs."""
