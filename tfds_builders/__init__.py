"""Datasets of survey images, as TensorFlow Datasets, and the simulation behind them."""

from tfds_builders.registry import builder, list_datasets

__all__ = ["builder", "list_datasets"]
