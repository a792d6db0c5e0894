"""Code blocks, headings and links of pages in Markdown, as CommonMark has them."""

from __future__ import annotations

import dataclasses
import itertools
import re

from markdown_it import MarkdownIt

__all__ = ["Block", "anchors", "blocks", "links", "table_rows"]

_MARKDOWN = MarkdownIt("commonmark").enable("table")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->$")


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        line: Number of its first line in the page, from 1.
        language: Language behind the fence; empty for an indented block.
        text: Code without fence and indentation.
        not_run: Reason from a comment `<!-- not run: ... -->` just above the block; else empty.
    """

    line: int
    language: str
    text: str
    not_run: str = ""


def blocks(page):
    """Returns the code blocks of a page, fenced and indented ones."""
    results = []
    not_run = ""
    for token in _MARKDOWN.parse(page):
        if token.type in ("fence", "code_block"):
            line = token.map[0] + (2 if token.type == "fence" else 1)
            results.append(Block(line, token.info.strip(), token.content, not_run))
        comment = _NOT_RUN.match(token.content.strip()) if token.type == "html_block" else None
        not_run = comment[1] if comment else ""
    return results


def anchors(page):
    """Returns the anchors of the headings, as the hosts of repositories make them."""
    counts = {}
    tokens = _MARKDOWN.parse(page)
    for heading, title in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            text = "".join(part.content for part in title.children)
            name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            counts[name] = counts.get(name, 0) + 1
    repeated = {f"{name}-{n}" for name, count in counts.items() for n in range(1, count)}
    return set(counts) | repeated


def links(page):
    """Returns target and anchor ("" or with "#") of links and images to files and headings."""
    targets = []
    for token in _MARKDOWN.parse(page):
        for part in token.children or ():
            target = part.attrGet("href") or part.attrGet("src")
            if target and ":" not in target:
                path, mark, anchor = target.partition("#")
                targets.append((path, mark + anchor))
    return targets


def table_rows(page):
    """Returns the rows of the tables of a page, without their headers, as tuples of cells."""
    rows = []
    for token, inside in itertools.pairwise(_MARKDOWN.parse(page)):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "td_open":
            rows[-1].append(inside.content)
    return [tuple(row) for row in rows if row]
