"""Configurations of models and layers, from the constructor arguments that they keep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["kept_arguments"]


def kept_arguments(
    instance: Any, arguments: Iterable[str], attributes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Returns the constructor arguments that an object keeps as attributes, in the types of JSON.

    Args:
        instance: The object.
        arguments: Names of the arguments.
        attributes: Attributes of arguments whose own name is taken, by argument.

    Returns:
        The arguments that are numbers, texts, None, or lists and dictionaries of these. Anything
        else, such as a layer, is for the class's own `get_config` to add.
    """
    kept, names = {}, attributes or {}
    for argument in arguments:
        with contextlib.suppress(KeyError, TypeError):
            kept[argument] = _plain(vars(instance)[names.get(argument, argument)])
    return kept


def _plain(value: Any) -> Any:
    """Returns a value in the types of JSON; raises TypeError if it has none."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} has no counterpart in JSON")
