"""How the commands read what stands on their command lines."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Sequence
from typing import Any, NoReturn

from trainers.errors import UserError

__all__ = ["OneLineParser", "parse_pairs", "parse_value"]


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are `UserError`s."""

    def error(self, message: str) -> NoReturn:
        raise UserError(message)


def parse_value(text: str) -> Any:
    """Returns the Python value that `text` writes (`3`, `1e-3`, `none`, `true`, `32,64`), else it.

    Args:
        text: What stands behind `NAME=` on the command line.
    """
    named = {"none": None, "true": True, "false": False}
    if text.lower() in named:
        return named[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return _lists(value)


def _lists(value: Any) -> Any:
    # As the saved configuration reads it back, so that the two compare equal.
    if isinstance(value, (list, tuple)):
        return [_lists(item) for item in value]
    return value


def parse_pairs(pairs: Sequence[str], option: str = "--hp") -> dict[str, Any]:
    """Returns the values by name.

    Args:
        pairs: `NAME=VALUE` each, the value as `parse_value` reads it.
        option: Which takes them.

    Raises:
        UserError: if one is no such pair.
    """
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise UserError(f"{option} takes NAME=VALUE; got '{pair}'")
        values[name] = parse_value(text)
    return values
