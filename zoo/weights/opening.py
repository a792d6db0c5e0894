"""The `.keras` file of a named set, checked and complete."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.weights import fetch, named_weights

__all__ = ["weights_file"]


@contextlib.contextmanager
def weights_file(name: str, vgg16: str | None = None) -> Iterator[Path]:
    """Provides the `.keras` file of a set of weights for the time of the `with` block.

    Args:
        name: "<model>/<set>", one of `list_weights()`.
        vgg16: For sets that are put on VGG-16 of ImageNet, the path of its file, or "imagenet"
            for the one that Keras downloads; None for what the environment variable
            GALAXY_ZOO_VGG16 names.

    Raises:
        ValueError: if there is no such set, a checksum is another one, or a file is missing.
        OSError: if the file cannot be fetched.
    """
    manifest = named_weights.describe(name)
    path = fetch.fetch(manifest)
    if manifest.frozen is None:
        yield path
        return
    from zoo.weights import frozen, keras_archive

    arrays = frozen.arrays_of(manifest.frozen, name, vgg16)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / path.name
        whole.write_bytes(keras_archive.complete(path.read_bytes(), arrays))
        yield whole
