"""What stands in a page: code blocks, headings, links."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Callable

__all__ = ["Block", "anchors", "blocks", "map_links", "table"]

# `[text](target#anchor)` and `![text](target)`.
_LINK = re.compile(r"(?<=\]\()([^)\s#]*)(#[^)\s]*)?(?=\))")
_HEADING = re.compile(r"#{1,6} +(.*?) *#*$")
_FENCE = re.compile(r"(`{3,}|~{3,})\s*([\w-]*)")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->$")


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        line: Number of its first line in the page, from 1.
        language: Behind the fence; empty for an indented block.
        text: Without fence and indentation.
        not_run: Why it is not run, from the comment `<!-- not run: ... -->` above it; else empty.
    """

    line: int
    language: str
    text: str
    not_run: str = ""


def blocks(page: str) -> list[Block]:
    """Returns the code blocks of a page in Markdown, fenced ones and indented ones.

    Args:
        page: Its text.
    """
    return _split(page)[1]


def anchors(page: str) -> set[str]:
    """Returns the anchors of the headings, as the hosts of repositories make them.

    Args:
        page: Text of the page.
    """
    found: dict[str, int] = {}
    for line in _split(page)[0]:
        if heading := _HEADING.match(line):
            text = re.sub(r"\]\([^)]*\)", "", heading[1])
            name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            found[name] = found.get(name, 0) + 1
    again = {f"{name}-{n}" for name, number in found.items() for n in range(1, number)}
    return set(found) | again


def map_links(page: str, change: Callable[[str, str], str]) -> str:
    """Returns the page with other targets of its links; code is left as it is.

    Args:
        page: Text of the page.
        change: From target and anchor ("" or with "#") to what is to stand there. Targets on
            other hosts are not asked for.
    """
    prose = _split(page)[0]

    def changed(match: re.Match) -> str:
        target, anchor = match[1], match[2] or ""
        return match[0] if ":" in target else change(target, anchor)

    lines = page.splitlines()
    for number, line in enumerate(prose):
        if line:
            # What is quoted as code in a line is no link either.
            parts = re.split(r"(`[^`]*`(?!\]))", line)
            parts[::2] = [_LINK.sub(changed, part) for part in parts[::2]]
            lines[number] = "".join(parts)
    return "\n".join(lines) + "\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Returns a table.

    Args:
        header: Titles of the columns.
        rows: Their cells, in Markdown.
    """
    cells = [header, ("---",) * len(header), *rows]
    lines = ("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells)
    return "\n".join(lines) + "\n"


def _split(page: str) -> tuple[list[str], list[Block]]:
    """Returns the lines with those of code left empty, and the code blocks."""
    lines = page.splitlines()
    prose = list(lines)
    found: list[Block] = []
    number, not_run, in_list = 0, "", False
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.match(line)
        is_code = line.startswith("    ") and (number == 0 or not lines[number - 1].strip())
        if fence:
            end = number + 1
            while end < len(lines) and not lines[end].startswith(fence[1]):
                end += 1
            body, stop = lines[number + 1 : end], end + 1
            found.append(Block(number + 2, fence[2], "\n".join(body) + "\n", not_run))
        elif is_code and not in_list:
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body = textwrap.dedent("\n".join(lines[number:end])).rstrip() + "\n"
            found.append(Block(number + 1, "", body, not_run))
            stop = end
        else:
            stop = number + 1
            if line.strip():
                comment = _NOT_RUN.match(line)
                not_run = comment[1] if comment else ""
                # Behind a list, what is indented belongs to an item of it.
                in_list = bool(re.match(r" {0,3}([-*]|\d+\.) ", line)) or (
                    in_list and line.startswith(" ")
                )
            number = stop
            continue
        prose[number:stop] = [""] * (stop - number)
        number, not_run = stop, ""
    return prose, found
