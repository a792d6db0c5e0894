"""Docstrings of the fields of dataclasses."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Mapping

__all__ = ["field_docstrings"]


@functools.cache
def field_docstrings(dataclass: type) -> Mapping[str, str]:
    """Returns the strings below the fields of a dataclass, by the names of the fields.

    simple_parsing reads them by lines, and misses those below a definition of several lines.

    Args:
        dataclass: The class. Fields that it inherits are included.
    """
    texts: dict[str, str] = {}
    for each in reversed(dataclass.__mro__[:-1]):
        try:
            source = inspect.getsource(each)
        except OSError:  # Installed without its source: no help.
            continue
        (definition,) = ast.parse(textwrap.dedent(source)).body
        for field, below in zip(definition.body, definition.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    texts[name] = inspect.cleandoc(text)
    return texts
