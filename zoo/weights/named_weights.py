"""Names of the sets of weights, without importing TensorFlow."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.suggestions import did_you_mean
from zoo.weights.manifest import Manifest

__all__ = ["FILES", "SOURCE_VARIABLE", "describe", "list_weights"]

FILES = Path(__file__).parent / "files"
"""Manifests, and the files that come with the package."""

SOURCE_VARIABLE = "GALAXY_ZOO_WEIGHTS"
"""Environment variable: folder or URL with the files that do not come with the package."""


def list_weights() -> list[str]:
    """Returns the names of all sets of trained weights, sorted.

    These are the sets of the package and, where the environment variable GALAXY_ZOO_WEIGHTS names
    a folder, those whose manifests lie there.
    """
    return sorted(_manifests())


def describe(name: str) -> Manifest:
    """Returns the manifest of a set.

    Args:
        name: "<model>/<set>", one of `list_weights()`.

    Raises:
        ValueError: if there is no such set; the message has the nearest name.
    """
    manifests = _manifests()
    if name not in manifests:
        raise ValueError(
            f"unknown weights '{name}'{did_you_mean(name, manifests)}; "
            f"there are: {', '.join(sorted(manifests)) or 'none'}"
        )
    manifest = Manifest.read(manifests[name])
    if manifest.name != name:
        raise ValueError(f"{manifests[name]} must be of '{name}'; it is of '{manifest.name}'")
    return manifest


def _manifests() -> dict[str, Path]:
    # The package's own come last: nothing else answers to their names.
    source = os.environ.get(SOURCE_VARIABLE, "")
    folders = [Path(source).expanduser()] if source and "://" not in source else []
    return {
        f"{path.parent.name}/{path.stem}": path
        for folder in (*folders, FILES)
        for path in folder.glob("*/*.json")
    }
