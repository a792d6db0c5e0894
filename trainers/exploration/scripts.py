"""ES modules as one script, so that a page needs no server to import them from."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["joined_modules", "without_exports"]

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([\w-]+\.js)\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(async )?(const|function|class) )", re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export (default \w+|\{[^}]*\});$", re.MULTILINE)


def joined_modules(sources: Mapping[str, str], main: str) -> str:
    """Returns modules in one scope, each behind those that it imports from.

    Their names must differ, and imports be of the form `import { a, b } from "./file.js";`.

    Args:
        sources: Text of each file, by name.
        main: File to start from.

    Raises:
        ValueError: if an import is of another form, of a file that is not there, or in a circle.
    """
    parts: list[str] = []
    done: set[str] = set()

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"modules import each other: {' -> '.join([*above, name])}")
        if name in done:
            return
        if name not in sources:
            raise ValueError(f"'{above[-1]}' imports '{name}', which is not there")
        for imported in _IMPORT.findall(sources[name]):
            add(imported, (*above, name))
        text = _EXPORT.sub("", _IMPORT.sub("", sources[name]))
        left = re.search(r"^(import|export)\b.*", text, re.MULTILINE)
        if left:
            raise ValueError(f"'{name}': cannot join '{left[0]}'")
        done.add(name)
        parts.append(f"// {name}\n{text}")

    add(main, ())
    return "\n".join(parts)


def without_exports(source: str) -> str:
    """Returns a module without its lists of exports."""
    return _EXPORT_LIST.sub("", source)
