"""Fields of the option dataclasses, with limits and effects of an option as metadata."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import enum
import functools
import inspect
import math
import typing
from collections.abc import Mapping
from typing import Any, Literal

import simple_parsing

from trainers.errors import UserError
from trainers.options.values import parse_pairs

__all__ = ["Affects", "CheckedOptions", "Limits", "flag", "names", "option", "pairs"]

# Integers reach TensorFlow and NumPy, some of them as int32.
_LARGEST_INTEGER = 2**31 - 1


class Affects(enum.Enum):
    """The first stage of a run that depends on an option; later stages follow from it."""

    DATA = "data"
    """The examples, or the order of their classes."""

    TRAINING = "training"
    """The weights."""

    LENGTH = "length"
    """The end of the training, which may be continued."""

    REPORT = "report"
    """Evaluation or export of the same weights."""

    NOTHING = "nothing"
    """No result: locations of files, hardware, progress."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Allowed range of a number, or of each number of a list.

    Attributes:
        least: Lowest allowed value; None for no limit.
        above: The value must be larger than this; None for no limit.
        most: Highest allowed value; None for no limit, but for integers `2**31 - 1`.
        below: The value must be smaller than this; None for no limit.
        finite: Whether infinity is refused, as NaN always is. Default True.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    finite: bool = True

    def contains(self, value: float) -> bool:
        """Returns whether a number is in the range."""
        if math.isnan(value) or (self.finite and math.isinf(value)):
            return False
        least, most = self._ends(value)
        return (
            (least is None or value >= least)
            and (self.above is None or value > self.above)
            and (most is None or value <= most)
            and (self.below is None or value < self.below)
        )

    def describe(self, value: float) -> str:
        """Returns the range in words for a value outside of it."""
        least, most = self._ends(value)
        bounds = {"at least": least, "above": self.above, "at most": most, "below": self.below}
        words = [f"{word} {bound}" for word, bound in bounds.items() if bound is not None]
        if self.finite and not math.isfinite(value):
            words.append("finite")
        return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def _ends(self, value: float) -> tuple[float | None, float | None]:
        least, most = self.least, self.most
        if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            least = -_LARGEST_INTEGER if least is None and self.above is None else least
            most = _LARGEST_INTEGER if most is None and self.below is None else most
        return least, most


def option(
    default: Any = dataclasses.MISSING,
    *,
    affects: Affects = Affects.NOTHING,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    finite: bool = True,
    path: bool = False,
    in_recipes: bool = True,
    **argparse_arguments: Any,
) -> Any:
    """Returns the field of an option; the string below the field is its help.

    Args:
        default: Default value; a field without one is required, which needs a dataclass with
            `kw_only=True`.
        affects: The first stage of a run that depends on the option. Default none.
        least: As the next four, see `Limits`.
        above: See `Limits`.
        most: See `Limits`.
        below: See `Limits`.
        finite: See `Limits`.
        path: Whether the value is the path of a file or folder. Default False.
        in_recipes: Whether a recipe may set it, provided that a result depends on it. Default True.
        **argparse_arguments: Arguments of `add_argument`, such as `type`, `nargs` and `metavar`.
    """
    limits = Limits(least, above, most, below, finite)
    in_recipes = in_recipes and affects is not Affects.NOTHING
    metadata = {"affects": affects, "limits": limits, "path": path, "in_recipes": in_recipes}
    if default is not dataclasses.MISSING and "nargs" in argparse_arguments:
        # simple_parsing does not see that a field with a list of its own parsing has a default.
        argparse_arguments.setdefault("required", False)
    if isinstance(default, (dict, list)):
        factory = functools.partial(copy.copy, default)
        return simple_parsing.field(
            default_factory=factory, metadata=metadata, **argparse_arguments
        )
    return simple_parsing.field(default, metadata=metadata, **argparse_arguments)


def flag(affects: Affects = Affects.NOTHING) -> Any:
    """Returns the field of a flag, False by default."""
    return option(False, affects=affects, action="store_true")


def pairs(affects: Affects = Affects.NOTHING, in_recipes: bool = True) -> Any:
    """Returns the field of a dictionary, `NAME=VALUE NAME=VALUE`; the option may be repeated."""
    return option(
        {},
        affects=affects,
        in_recipes=in_recipes,
        type=str,
        nargs="+",
        metavar="NAME=VALUE",
        action=_MergePairs,
    )


def names(options_class: type, *affects: Affects) -> tuple[str, ...]:
    """Returns the names of the options that affect any of the stages, in their order."""
    return tuple(
        field.name
        for field in dataclasses.fields(options_class)
        if field.metadata.get("affects", Affects.NOTHING) in affects
    )


@dataclasses.dataclass(frozen=True)
class CheckedOptions:
    """Base of dataclasses with options, which checks numbers, choices and limits.

    Raises:
        UserError: if a number has another type or is off limits, or a choice is unknown.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # simple_parsing looks for the names in them in the modules of base classes alone.
        hints = typing.get_type_hints(cls)
        own = inspect.get_annotations(cls)
        cls.__annotations__ = {name: hints[name] for name in own}

    def __post_init__(self) -> None:
        choices, kinds = _choices(type(self)), _number_kinds(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in choices and value not in choices[field.name]:
                allowed = ", ".join(map(str, choices[field.name]))
                raise UserError(f"`{field.name}` must be one of {allowed}; got '{value}'")
            limits = field.metadata.get("limits", Limits())
            kind, optional = kinds.get(field.name, (None, False))
            if kind is None or (optional and value is None):
                continue
            for number in value if isinstance(value, (list, tuple)) else [value]:
                # An integer is a float too, and so is, for Python, True.
                if not isinstance(number, (int, kind)) or isinstance(number, bool):
                    wanted = "a whole number" if kind is int else "a number"
                    raise UserError(f"`{field.name}` must be {wanted}; got {number!r}")
                if not limits.contains(number):
                    wanted = limits.describe(number)
                    raise UserError(f"`{field.name}` must be {wanted}; got {number}")


@functools.cache
def _choices(options_class: type) -> Mapping[str, tuple[Any, ...]]:
    hints = typing.get_type_hints(options_class)
    return {
        name: typing.get_args(hint)
        for name, hint in hints.items()
        if typing.get_origin(hint) is Literal
    }


@functools.cache
def _number_kinds(options_class: type) -> Mapping[str, tuple[type, bool]]:
    """Returns the type of the options that are numbers or lists of them, and if None is allowed."""
    kinds = {}
    for name, hint in typing.get_type_hints(options_class).items():
        optional = type(None) in typing.get_args(hint)
        if optional:
            hint, *_ = (each for each in typing.get_args(hint) if each is not type(None))
        if typing.get_origin(hint) in (list, tuple):
            hint = typing.get_args(hint)[0]
        if hint in (int, float):
            kinds[name] = (hint, optional)
    return kinds


class _MergePairs(argparse.Action):
    """Adds NAME=VALUE pairs to the dictionary that is there."""

    def __call__(self, parser, namespace, values, option_string=None):
        held = getattr(namespace, self.dest) or {}
        setattr(
            namespace,
            self.dest,
            {**held, **parse_pairs(values, self.option_strings[0].lstrip("-"))},
        )
