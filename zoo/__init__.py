"""Registered Keras models for galaxy surveys: what a model is, and nothing of how it is trained."""

from zoo.registry import ModelEntry, create, describe, list_models, register

__all__ = ["ModelEntry", "create", "describe", "list_models", "register"]
