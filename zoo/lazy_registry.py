"""Registries whose entries are imported on first use, open to other packages."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zoo import plugins
from zoo.plugins import PluginError
from zoo.suggestions import did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["LazyRegistry"]

Entry = TypeVar("Entry")


class LazyRegistry(Generic[Entry]):
    """Entries by name: of this project, of other packages, and of the running program.

    A module registers its entry when it is imported, and is imported when its name is first used.

    Args:
        kind: Noun for an entry in error messages, such as "model".
        group: Group of the entry points by which other packages add entries.
        own_modules: Returns the project's modules by the names that they register.
        definition: Returns the class or function that an entry holds.

    Attributes:
        entries: The entries registered so far.
    """

    def __init__(
        self,
        kind: str,
        *,
        group: str,
        own_modules: Callable[[], Mapping[str, str]],
        definition: Callable[[Entry], Any],
    ):
        self.entries: dict[str, Entry] = {}
        self.group = group
        self._kind = kind
        self._own_modules = own_modules
        self._definition = definition

    def names(self) -> list[str]:
        """Returns the project's names in their order, then the others, without importing any."""
        others = sorted({*plugins.by_name(self.group), *self.entries})
        return list(dict.fromkeys([*self._own_modules(), *others]))

    def add(self, name: str, entry: Entry) -> None:
        """Registers an entry.

        Args:
            name: Registry key, an identifier: it names files and folders.
            entry: The entry.

        Raises:
            ValueError: if `name` is taken or is no identifier.
        """
        if not name.isidentifier():
            raise ValueError(
                f"name of a {self._kind} must be letters, digits and underscores; got '{name}'"
            )
        own = self._own_modules().get(name)
        if name in self.entries:
            definition = self._definition(self.entries[name])
            own = f"{definition.__module__}.{definition.__qualname__}"
        elif own == self._definition(entry).__module__:
            own = None
        if own is not None:
            raise ValueError(f"{self._kind} '{name}' is already registered by {own}")
        self.entries[name] = entry

    def get(self, name: str) -> Entry:
        """Returns an entry, after importing the module that registers it.

        Raises:
            ValueError: if there is no such entry; the message lists the names and the nearest one.
            PluginError: if more than one package claims the name, or the one that does is broken.
        """
        own = self._own_modules().get(name)
        foreign = plugins.by_name(self.group).get(name, ())
        origins = [own] * (own is not None) + [plugins.origin(each) for each in foreign]
        if len(origins) > 1:
            raise PluginError(
                f"{self._kind} '{name}' is registered more than once: {'; '.join(origins)}"
            )
        if name not in self.entries:
            if own is not None:
                importlib.import_module(own)
            elif foreign:
                self._load(name, foreign[0])
            else:
                names = self.names()
                raise ValueError(
                    f"unknown {self._kind} '{name}'{did_you_mean(name, names)}; "
                    f"registered: {', '.join(names)}"
                )
        return self.entries[name]

    def _load(self, name: str, entry_point: EntryPoint) -> None:
        try:
            plugins.load(entry_point)
        except PluginError:
            # Registered before its module failed: the next use must fail as this one does.
            self.entries.pop(name, None)
            raise
        if name not in self.entries:
            raise PluginError(f"{plugins.origin(entry_point)} registers no {self._kind} '{name}'")
