"""Constructor arguments of a model class, read along the class hierarchy."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.suggestions import did_you_mean

__all__ = ["check_arguments", "constructor_arguments"]

# What every Keras model takes.
_OF_KERAS = ("dtype", "name", "trainable")


def constructor_arguments(model_class: type, root: type) -> dict[str, Any]:
    """Returns names and defaults of the arguments that a model class takes.

    A class declares its own arguments, and inherited ones whose default differs, and hands on the
    rest by `**kwargs`. What a class lists in `fixed_arguments` it sets itself: neither it nor
    its subclasses take those. A constructor without `**kwargs` takes its own arguments alone.

    Args:
        model_class: `root` or a subclass.
        root: The class at which the hierarchy begins.

    Returns:
        The arguments in the order of the hierarchy, those of `root` first.
    """
    arguments: dict[str, Any] = {}
    for each in reversed(model_class.__mro__):
        if not issubclass(each, root):
            continue
        if "__init__" in vars(each):
            _, *parameters = inspect.signature(each.__init__).parameters.values()
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                arguments = {}
            named = (p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))
            arguments |= {p.name: p.default for p in named}
        for name in vars(each).get("fixed_arguments", ()):
            arguments.pop(name, None)
    return arguments


def check_arguments(subject: str, names: Iterable[str], allowed: Mapping[str, Any]) -> None:
    """Raises if one of the names is no argument.

    Args:
        subject: The model, as the message names it.
        names: Names of the arguments that were passed.
        allowed: What `constructor_arguments` returned.

    Raises:
        ValueError: naming the first argument that is unknown, the nearest one, and all.
    """
    for name in names:
        if name not in allowed and name not in _OF_KERAS:
            raise ValueError(
                f"unknown hyperparameter '{name}' of {subject}{did_you_mean(name, allowed)}; "
                f"it has: {', '.join(allowed)}"
            )
