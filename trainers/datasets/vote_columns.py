"""Votes on the questions of a decision tree, from the columns of a table of objects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfds_builders.galaxy_zoo_decals.labels import GZD5, GZD12

__all__ = ["questions_of", "select"]

# Columns of Galaxy Zoo's catalogues that are sums over the answers.
_TOTALS = ("total-votes", "total")

# Ending of a question's name for each survey of Galaxy Zoo, such as "bar-dr8".
_SURVEY = re.compile(r"(-\w+)?")


def select(wanted: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Returns columns of counts: those named, and all answers of the questions named.

    The answers of `bar` are `bar_strong`, `bar_weak` and `bar_no`, without `bar_total-votes` and
    derived columns such as `bar_strong_fraction`.

    Args:
        wanted: Names of columns, `<question>_<answer>`, or of questions.
        columns: All columns of the table.

    Raises:
        ValueError: if there is no such column or question, or a column comes twice.
    """
    selected: list[str] = []
    for name in wanted:
        answers = [name] if name in columns else _answers(name, columns)
        if not answers:
            raise ValueError(f"no column '{name}' and no columns '{name}_<answer>'")
        twice = next((answer for answer in answers if answer in selected), None)
        if twice is not None:
            raise ValueError(f"column '{twice}' twice")
        selected += answers
    return selected


def _answers(question: str, columns: Sequence[str]) -> list[str]:
    start = f"{question}_"
    answers = [name for name in columns if name.startswith(start)]
    answers = [name for name in answers if "_" not in name.removeprefix(start)]
    return [name for name in answers if name.removeprefix(start) not in _TOTALS]


def questions_of(columns: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """Returns the questions that columns answer, as `DatasetSpec.questions` has them.

    The name of the question ends at the last underscore. Of the questions of Galaxy Zoo DECaLS it
    is known after which answers they are asked; all others everybody is asked.

    Args:
        columns: `<question>_<answer>`.

    Raises:
        ValueError: if a column has no underscore, or a question has one answer alone.
    """
    answers: dict[str, list[str]] = {}
    for column in columns:
        question, _, answer = column.rpartition("_")
        if not question or not answer:
            raise ValueError(f"a column that is called <question>_<answer>; got '{column}'")
        answers.setdefault(question, []).append(answer)
    for question, offered in answers.items():
        if len(offered) < 2:
            raise ValueError(f"two answers of question '{question}' or more; got '{offered[0]}'")
    parents = {question: _parents(question, answers) for question in answers}
    ordered: list[str] = []
    while len(ordered) < len(answers):
        # A question comes after those whose answers lead to it.
        ordered.append(
            next(
                question
                for question in answers
                if question not in ordered
                and all(parent.rpartition("_")[0] in ordered for parent in parents[question])
            )
        )
    return tuple(
        {"name": question, "answers": answers[question], "parents": parents[question]}
        for question in ordered
    )


def _parents(question: str, answers: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the answers after any of which Galaxy Zoo DECaLS asks a question."""
    published = {each.name: each for tree in (GZD12, GZD5) for each in tree.questions}
    for name in sorted(published, key=len, reverse=True):
        survey = question.removeprefix(name)
        if question.startswith(name) and _SURVEY.fullmatch(survey):
            split = (parent.rpartition("_") for parent in published[name].parents)
            named = ((f"{before}{survey}", answer) for before, _, answer in split)
            return [
                f"{before}_{answer}"
                for before, answer in named
                if answer in answers.get(before, ())
            ]
    return []
