"""Distances of images from those that a model was trained on, and the limit of its validity."""
