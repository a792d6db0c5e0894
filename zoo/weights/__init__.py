"""Trained weights by name: manifests, files and their checksums."""

from zoo.weights.manifest import Manifest
from zoo.weights.named_weights import describe, list_weights
from zoo.weights.opening import weights_file

__all__ = ["Manifest", "describe", "list_weights", "weights_file"]
