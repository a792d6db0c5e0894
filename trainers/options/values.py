"""Values written as text: numbers, lists and NAME=VALUE pairs."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.errors import UserError
from zoo.weights import list_weights

__all__ = ["absolute_source", "parse_pairs", "parse_value"]


def absolute_source(source: str) -> str:
    """Returns a named set of weights unchanged, and the absolute path of any other trained model.

    A file or folder comes before a set of weights of the same name.
    """
    path = Path(source).expanduser()
    if not path.exists() and source in list_weights():
        return source
    return str(path.absolute())


def parse_value(text: str) -> Any:
    """Returns the value of a literal (`3`, `1e-3`, `none`, `true`, `32,64`), else the text itself.

    Raises:
        UserError: if JSON has no such value, as for a set.
    """
    named = {"none": None, "true": True, "false": False}
    if text.lower() in named:
        return named[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    try:
        # As read from a saved configuration, so that the two compare equal.
        return json.loads(json.dumps(value))
    except TypeError:
        raise UserError(
            f"values are numbers, texts, true, false, none, lists and dictionaries; got '{text}'"
        ) from None


def parse_pairs(pairs: Sequence[str], option: str = "hp") -> dict[str, Any]:
    """Returns the values by name.

    Args:
        pairs: `NAME=VALUE` each, see `parse_value`.
        option: Name of the argument, for errors. Default "hp".

    Raises:
        UserError: if one is no such pair.
    """
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise UserError(f"`{option}` takes NAME=VALUE; got '{pair}'")
        try:
            values[name] = parse_value(text)
        except UserError as error:
            raise UserError(f"`{option}` {name}: {error}") from None
    return values
