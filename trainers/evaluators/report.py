"""The report of an evaluation: `metrics.json` for programs, `report.md` for colleagues."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainers.evaluators.section import Section, Table
from trainers.storage.atomic_files import write_atomically
from trainers.storage.json_files import json_safe, write_json
from trainers.tables.markdown import markdown_table

__all__ = ["Report", "write"]


@dataclasses.dataclass(frozen=True)
class Report:
    """Contents of `report.md`.

    Attributes:
        title: First heading.
        facts: Model and data: label to text.
        sections: Name, heading and section of each evaluator.
        left_out: Evaluators that do not fit, with the reason.
        configuration: Options of the run by name; may be empty.
        commands: The commands that repeat the run and its evaluation; may be empty.
        versions: Names and versions of the libraries.
    """

    title: str
    facts: Mapping[str, str]
    sections: Sequence[tuple[str, str, Section]]
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    configuration: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    commands: Sequence[str] = ()
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)


def write(report: Report, output_dir: Path) -> dict[str, dict[str, float]]:
    """Writes `metrics.json` and `report.md` into a folder, which is made if missing.

    Returns:
        The numbers as they stand in `metrics.json`, by evaluator.
    """
    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    metrics = {
        name: json_safe(section.metrics) for name, _, section in report.sections if section.metrics
    }
    write_json(output_dir / "metrics.json", metrics)
    write_atomically(output_dir / "report.md", render(report))
    return metrics


def render(report: Report) -> str:
    """Returns the report as Markdown."""
    parts = [f"# {report.title}", _definitions(report.facts)]
    key_numbers = {
        label: text
        for _, _, section in report.sections
        for label, text in section.key_numbers.items()
    }
    if key_numbers:
        parts += ["## Key numbers", _definitions(key_numbers, ("", "value"))]
    for _, title, section in report.sections:
        parts += [f"## {title}", *section.text]
        parts += [_table(table) for table in section.tables]
        for figure in section.figures:
            alternative = Path(figure.path).stem.replace("_", " ")
            parts += [f"![{alternative}]({figure.path})", f"*{figure.caption}*"]
        parts += [f"[`{path}`]({path}): {what}" for path, what in section.files.items()]
    if report.left_out:
        parts.append("## Not evaluated")
        parts.append("\n".join(f"- {name}: {reason}." for name, reason in report.left_out.items()))
    if report.commands or report.configuration or report.versions:
        parts.append("## Reproduction")
    if report.commands:
        parts.append("\n".join(["```", *report.commands, "```"]))
    if report.configuration:
        parts.append(_definitions(report.configuration, ("option", "value")))
    if report.versions:
        parts.append(", ".join(f"{name} {version}" for name, version in report.versions.items()))
    return "\n\n".join(part for part in parts if part) + "\n"


def _definitions(rows: Mapping[str, Any], header: tuple[str, str] = ("", "")) -> str:
    return _table(Table(header, [[str(name), str(value)] for name, value in rows.items()]))


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    text = markdown_table(table.header, table.rows)
    return f"{text}\n\n*{table.caption}*" if table.caption else text
