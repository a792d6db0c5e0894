"""Identity of a run: the options that must be equal for two runs to be the same."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainers.options.fields import Affects, names
from zoo.loading import MODEL_FILE

__all__ = [
    "WEIGHTS",
    "absolute_if_path",
    "differences",
    "input_files",
    "options_of",
    "with_absolute_paths",
]

WEIGHTS = (Affects.DATA, Affects.TRAINING)
"""Stages on which the weights depend after any number of steps; fixed once a run has begun."""

_RESULT = (*WEIGHTS, Affects.LENGTH, Affects.REPORT)


def options_of(
    options: Any, saved: Mapping[str, Any] | None = None, affects: tuple[Affects, ...] = _RESULT
) -> dict[str, Any]:
    """Returns the options on which a result depends, as JSON types and with absolute paths.

    Args:
        options: Dataclass instance with the options.
        saved: Values from a file, in place of those of `options`; options newer than the file have
            their defaults.
        affects: Stages of the result. Default data, training, length and report.
    """
    values = with_absolute_paths(type(options), dataclasses.asdict(options))
    if saved is not None:
        values = _defaults(type(options)) | with_absolute_paths(type(options), saved)
    result = {name: values[name] for name in names(type(options), *affects)}
    # As read from a file, so that the two compare equal.
    return json.loads(json.dumps(result))


def differences(
    options: Any, saved: Mapping[str, Any], affects: tuple[Affects, ...] = WEIGHTS
) -> list[str]:
    """Returns the options that differ from those of a saved run, one a line; see `options_of`."""
    own, before = options_of(options, affects=affects), options_of(options, saved, affects)
    return [
        f"`{name}` (saved {before[name]!r}, now {value!r})"
        for name, value in own.items()
        if before[name] != value
    ]


def with_absolute_paths(
    options_class: type, values: Mapping[str, Any], base: Path | str = ""
) -> dict[str, Any]:
    """Returns the values of options with absolute paths, also those among the hyperparameters.

    Args:
        options_class: Dataclass with the options.
        values: Values by name.
        base: Folder of relative paths. Default the working directory.
    """
    absolute = dict(values)
    for field in dataclasses.fields(options_class):
        value = absolute.get(field.name)
        if field.metadata.get("path") and isinstance(value, (str, Path)) and str(value):
            absolute[field.name] = _absolute(str(value), base)
        if field.metadata.get("path") and isinstance(value, (list, tuple)):
            absolute[field.name] = [_absolute(str(path), base) for path in value]
    if isinstance(absolute.get("hp"), Mapping):
        absolute["hp"] = {
            name: absolute_if_path(value, base) for name, value in absolute["hp"].items()
        }
    return absolute


def absolute_if_path(value: Any, base: Path | str = "") -> Any:
    """Returns the absolute path of an existing file or run folder, and any other value unchanged.

    A word such as "reflect" is no path, even if a file or folder has that name.
    """
    return _absolute(value, base) if _is_existing_path(value, base) else value


def _is_existing_path(value: Any, base: Path | str) -> bool:
    if not isinstance(value, str):
        return False
    path = Path(_absolute(value, base))
    if (path / MODEL_FILE).is_file():
        return True
    return ("/" in value or bool(path.suffix)) and path.exists()


def input_files(options: Any) -> dict[str, Path]:
    """Returns the files and folders on which the weights depend beyond the data, by argument."""
    values = {name: getattr(options, name) for name in names(type(options), *WEIGHTS)}
    paths = {n: v for n, v in values.items() if isinstance(v, str) and os.path.isabs(v)}
    paths |= {f"hp {n}": v for n, v in values.get("hp", {}).items() if _is_existing_path(v, "")}
    return {name: Path(_absolute(path, "")) for name, path in paths.items()}


def _absolute(path: str, base: Path | str) -> str:
    # Addresses such as gs://bucket are absolute.
    if "://" in path:
        return path
    return os.path.abspath(os.path.join(base, os.path.expanduser(path)))


def _defaults(options_class: type) -> dict[str, Any]:
    defaults = {}
    for field in dataclasses.fields(options_class):
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory()
        else:
            defaults[field.name] = None
    return with_absolute_paths(options_class, defaults)
