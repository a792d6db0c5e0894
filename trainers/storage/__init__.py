"""Atomic file writes and advisory locks."""
