"""Structural parameters of galaxies: concentration, asymmetry, smoothness, Gini and M20."""
