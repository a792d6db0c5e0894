"""Blends: ground truth of simulated stamps, and SEP as a baseline classifier."""
