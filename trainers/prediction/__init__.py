"""Prediction: a SavedModel's outputs for many cutouts, in one table."""
