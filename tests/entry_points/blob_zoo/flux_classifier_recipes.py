"""Recipes of `flux_classifier`."""

from trainers.recipes import Recipe

DEFAULT = Recipe(dataset="two_blobs/simulated", epochs=30, batch_size=32, learning_rate=0.05)
BRIEF = Recipe(dataset="two_blobs/simulated", epochs=1)
