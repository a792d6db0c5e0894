"""Sections of a report: numbers, text, tables and figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

__all__ = ["FigureFile", "Section", "Table"]


@dataclasses.dataclass(frozen=True)
class FigureFile:
    """A saved figure.

    Attributes:
        path: Path relative to the report.
        caption: What it shows, in sentences.
    """

    path: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of the report; cells are written as they are, so format them first.

    Attributes:
        header: Names of the columns, with units.
        rows: Cells, row by row.
        caption: What it shows, in sentences.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"rows must have {len(self.header)} cells as the header has; got {len(row)}"
                )


@dataclasses.dataclass
class Section:
    """Results of one evaluator.

    Attributes:
        metrics: Numbers by name, for `metrics.json`.
        key_numbers: The one to three most important numbers: label to formatted text.
        text: Paragraphs.
        tables: Tables, shown after the text.
        figures: Figures, shown after the tables.
        files: Further files, path relative to the report to description.
    """

    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    key_numbers: dict[str, str] = dataclasses.field(default_factory=dict)
    text: list[str] = dataclasses.field(default_factory=list)
    tables: list[Table] = dataclasses.field(default_factory=list)
    figures: list[FigureFile] = dataclasses.field(default_factory=list)
    files: dict[str, str] = dataclasses.field(default_factory=dict)
