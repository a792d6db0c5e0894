"""Entry points by which other packages add to the registries."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PluginError", "by_name", "load", "origin"]


class PluginError(ValueError):
    """An entry point of another package that cannot be used."""


def by_name(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    """Returns the entry points of the installed packages, without importing any of them.

    Args:
        group: Name of the group, such as "galaxy_model_zoo.models".

    Returns:
        For each name, in alphabetical order, its entry points: more than one if several packages
        claim the name.
    """
    return _by_name(group, tuple(sys.path))


def load(entry_point: EntryPoint) -> Any:
    """Returns the object that an entry point refers to, after importing its module.

    Args:
        entry_point: One that `by_name` returned.

    Raises:
        PluginError: in one line, whatever the package raises.
    """
    try:
        return entry_point.load()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise PluginError(f"{origin(entry_point)} cannot be loaded: {reason}") from error


def origin(entry_point: EntryPoint) -> str:
    """Returns where an entry point comes from, as error messages name it.

    Args:
        entry_point: One that `by_name` returned.
    """
    package = entry_point.dist
    by = f" of {package.name} {package.version}" if package is not None else ""
    return f"entry point '{entry_point.name} = {entry_point.value}' ({entry_point.group}){by}"


# Reading the metadata of some hundred packages takes 30 ms.
@functools.cache
def _by_name(group: str, _: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    from importlib import metadata

    entry_points = metadata.entry_points(group=group)
    return {name: tuple(entry_points.select(name=name)) for name in sorted(entry_points.names)}
