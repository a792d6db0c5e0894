"""Docstrings taken apart: what stands before their sections, and the sections."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap

__all__ = ["Docstring", "parse"]

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|References):$")
_ITEM = re.compile(r"([\w*][\w*, \n]*?): (.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Docstring:
    """A docstring.

    Attributes:
        summary: Its first line.
        body: What else stands outside of the sections; indented blocks are code.
        sections: Text of each section by its title.
    """

    summary: str
    body: str
    sections: dict[str, str]

    def items(self, section: str) -> dict[str, str]:
        """Returns the descriptions by name of a section such as "Args", each in one line.

        Args:
            section: Title of the section.
        """
        found: dict[str, str] = {}
        text = self.sections.get(section, "")
        for item in re.split(r"\n(?=\S)", text):
            if match := _ITEM.match(item):
                for name in match[1].split(","):
                    found[name.strip()] = " ".join(match[2].split())
        return found


def parse(documented: object) -> Docstring:
    """Returns the parts of the docstring of a class, a function or a module.

    Args:
        documented: What has the docstring.
    """
    lines = (inspect.getdoc(documented) or "").splitlines()
    body: list[str] = []
    sections: dict[str, list[str]] = {}
    current = body
    for line in lines[1:]:
        if section := _SECTION.match(line):
            current = sections.setdefault(section[1], [])
            continue
        if line and not line.startswith(" "):
            current = body
        current.append(line)
    return Docstring(
        lines[0] if lines else "",
        "\n".join(body).strip("\n"),
        {name: textwrap.dedent("\n".join(text)).strip() for name, text in sections.items()},
    )
