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
    """Returns where a trained model is, so that it is found from any working directory.

    Args:
        source: Named set of weights, `.keras` file, or folder of a run.

    Returns:
        The name as it is, or the absolute path; a file or folder of that name comes first.
    """
    path = Path(source).expanduser()
    if not path.exists() and source in list_weights():
        return source
    return str(path.absolute())


def parse_value(text: str) -> Any:
    """Returns the Python value that `text` writes (`3`, `1e-3`, `none`, `true`, `32,64`), else it.

    Args:
        text: What stands behind `NAME=` on the command line.

    Raises:
        UserError: if it writes a set, or something else that a saved configuration cannot hold.
    """
    named = {"none": None, "true": True, "false": False}
    if text.lower() in named:
        return named[text.lower()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    try:
        # As the saved configuration reads it back, so that the two compare equal.
        return json.loads(json.dumps(value))
    except TypeError:
        raise UserError(
            f"values are numbers, texts, true, false, none, lists and dictionaries; got '{text}'"
        ) from None


def parse_pairs(pairs: Sequence[str], option: str = "hp") -> dict[str, Any]:
    """Returns the values by name.

    Args:
        pairs: `NAME=VALUE` each, the value as `parse_value` reads it.
        option: Name of the argument that takes them.

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
