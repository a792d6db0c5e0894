"""Simulated multi-band fields and stamps with the truth of every pixel and source."""
