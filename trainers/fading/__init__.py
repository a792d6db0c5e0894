"""Comparison of classifiers on faint galaxies."""
