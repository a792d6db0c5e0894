"""Prints the table of all named sets: `python -m zoo.weights`."""

from zoo.weights.table import table

print(table(), end="")
