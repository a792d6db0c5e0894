"""Reproductions of publications, with the published numbers beside ours.

Each module in `__main__.PUBLICATIONS` has a `run(arguments)` that trains a set of runs and writes
one report.
"""
