"""Experiments over the number of labels."""
