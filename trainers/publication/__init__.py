"""Runs as named sets of weights: the entry, the command, and the scores on a small sample."""
