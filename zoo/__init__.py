"""Registered Keras models for galaxy surveys: what a model is, and nothing of how it is trained."""

from zoo.loading import load
from zoo.registry import ModelEntry, create, describe, list_models, register
from zoo.weights import list_weights

__all__ = ["ModelEntry", "create", "describe", "list_models", "list_weights", "load", "register"]
