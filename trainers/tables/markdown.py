"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["markdown_table"]


def markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[Any]], aligned: bool = False
) -> str:
    """Returns a table, without a line break at its end.

    Args:
        header: Names of the columns.
        rows: Cells, row by row; each becomes text as it is, so format numbers first.
        aligned: Whether columns are padded to one width, for a reader of the text itself; all but
            the first stand on the right. Default False.
    """
    head, *body = ([_escaped(cell) for cell in row] for row in (header, *rows))
    rule = ["---"] * len(head)
    if aligned:
        widths = [max(3, *map(len, column)) for column in zip(head, *body, strict=True)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        head, *body = (_padded(row, widths) for row in (head, *body))
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return [row[0].ljust(widths[0]), *numbers]


def _escaped(cell: Any) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
