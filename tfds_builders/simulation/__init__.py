"""Simulated sky: populations, observing conditions, drawing and photometry."""
