"""Runs: the sequence from data to exported model, and the folder that records it."""
