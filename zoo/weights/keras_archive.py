"""`.keras` files with half-precision arrays, and without the arrays of a published network."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np

__all__ = ["compact", "complete"]

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

# Smaller arrays (biases, statistics of the preprocessing, scales) stay as they are: they take no
# space, and some are large numbers or small differences of them.
_LEAST_VALUES = 256

# The same weights make the same file, whenever it is written.
_DATE = (1980, 1, 1, 0, 0, 0)


def compact(
    archive: bytes,
    *,
    half: bool,
    omit: Mapping[str, np.ndarray],
    change: Callable[[Any], Any] = lambda value: value,
) -> tuple[bytes, dict[str, str]]:
    """Returns a smaller `.keras` file of the same model.

    Args:
        archive: A `.keras` file.
        half: Whether matrices and kernels are stored in half precision. Those that would overflow
            are not.
        omit: Arrays of a published network by name; arrays with the same values are left out,
            unless they are constant.
        change: Applied to every text and number of the configuration.

    Returns:
        The file, which Keras loads as any other if nothing was left out; and for each array that
        was left out, its place in the file and its name in `omit`.
    """
    omitted: dict[str, str] = {}

    def written(place: str, value: np.ndarray) -> np.ndarray | None:
        for name, array in omit.items():
            if array.shape == value.shape and np.array_equal(array, value) and np.ptp(value):
                omitted[place] = name
                return None
        return _halved(value) if half else value

    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        config = _mapped(json.loads(members.read(_CONFIG)), change)
        metadata = json.loads(members.read(_METADATA))
        metadata.pop("date_saved", None)
        weights = members.read(_WEIGHTS)
    return _archive(config, metadata, _copy(weights, written)), omitted


def complete(archive: bytes, arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns a `.keras` file with the arrays that `compact` left out.

    Args:
        archive: The file.
        arrays: By their places.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        config, metadata = json.loads(members.read(_CONFIG)), json.loads(members.read(_METADATA))
        weights = io.BytesIO(members.read(_WEIGHTS))
    with h5py.File(weights, "r+") as file:
        for place, value in arrays.items():
            file[place] = value
    return _archive(config, metadata, weights.getvalue(), zipfile.ZIP_STORED)


def _halved(value: np.ndarray) -> np.ndarray:
    if value.dtype != np.float32 or value.ndim < 2 or value.size < _LEAST_VALUES:
        return value
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    return half if np.isfinite(half).all() else value


def _copy(weights: bytes, written: Callable[[str, np.ndarray], np.ndarray | None]) -> bytes:
    """Returns an HDF5 file with the groups of another, and its arrays as `written` returns them."""
    target = io.BytesIO()
    with h5py.File(io.BytesIO(weights), "r") as source, h5py.File(target, "w") as copy:

        def visit(place: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                held = copy.require_group(place)
            else:
                value = written(place, item[()])
                if value is None:
                    return
                held = copy.create_dataset(place, data=value)
            held.attrs.update(item.attrs)

        copy.attrs.update(source.attrs)
        source.visititems(visit)
    return target.getvalue()


def _archive(
    config: Any, metadata: Any, weights: bytes, compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as members:
        for name, content in (
            (_METADATA, json.dumps(metadata)),
            (_CONFIG, json.dumps(config)),
            (_WEIGHTS, weights),
        ):
            member = zipfile.ZipInfo(name, _DATE)
            member.compress_type = compression
            members.writestr(member, content)
    return target.getvalue()


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {name: _mapped(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value)
