"""The evaluators by name, and what each needs of the model and of the data."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trainers.errors import UserError

if TYPE_CHECKING:
    from trainers.evaluators.context import EvaluationContext
    from trainers.evaluators.section import Section

__all__ = ["EvaluatorEntry", "describe", "list_evaluators", "register", "select"]

# Files of this package that define an evaluator of the same name, in the order of the report.
_MODULES = (
    "history",
    "transfer",
    "roc",
    "thresholds",
    "calibration",
    "regression",
    "separation",
    "separator",
    "manifold",
    "probe",
    "tasks",
    "votes",
    "reconstruction",
    "latent_space",
    "generation",
    "outliers",
    "class_outliers",
)

_entries: dict[str, EvaluatorEntry] = {}


@dataclasses.dataclass(frozen=True)
class EvaluatorEntry:
    """An evaluator.

    Attributes:
        name: Key of its numbers in `metrics.json`.
        title: Heading in the report.
        needs: Names of what the model and the data must have, see `EvaluationContext.lacks`.
        run: Takes the context, returns the section of the report.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    run: Callable[[EvaluationContext], Section]


def register(name: str, *, title: str, needs: Sequence[str] = ()) -> Callable[[Callable], Callable]:
    """Decorator that enters a function `run(context) -> Section` as the evaluator `name`.

    Args:
        name: Key of its numbers in `metrics.json`.
        title: Heading in the report.
        needs: What the model and the data must have, see `EvaluationContext.lacks`.

    Raises:
        ValueError: if `name` is taken.
    """

    def enter(run: Callable[[EvaluationContext], Section]) -> Callable:
        if name in _entries:
            taken = _entries[name].run
            raise ValueError(
                f"evaluator '{name}' is already registered by "
                f"{taken.__module__}.{taken.__qualname__}"
            )
        _entries[name] = EvaluatorEntry(name, title, tuple(needs), run)
        return run

    return enter


def list_evaluators() -> list[str]:
    """Returns the names of the evaluators in the order of the report."""
    return [*_MODULES, *(name for name in _entries if name not in _MODULES)]


def describe(name: str) -> EvaluatorEntry:
    """Returns the entry of an evaluator.

    Args:
        name: Name of the evaluator.

    Raises:
        UserError: if no evaluator has that name; the message lists the names and the nearest one.
    """
    if name not in _entries:
        names = list_evaluators()
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f" (did you mean '{nearest[0]}'?)" if nearest else ""
            raise UserError(f"unknown evaluator '{name}'{hint}; there are: {', '.join(names)}")
        importlib.import_module(f"trainers.evaluators.{name}")
    return _entries[name]


def select(
    context: EvaluationContext, names: Sequence[str] | None = None
) -> tuple[list[EvaluatorEntry], dict[str, str]]:
    """Chooses the evaluators that fit the model and the data.

    Args:
        context: The evaluation.
        names: Names of the evaluators; None for all that fit.

    Returns:
        The chosen evaluators, and of those left out the name with the reason.

    Raises:
        UserError: if a name is unknown, or an evaluator asked for by name does not fit.
    """
    chosen, left_out = [], {}
    for name in list_evaluators() if names is None else dict.fromkeys(names):
        entry = describe(name)
        reasons = [reason for need in entry.needs if (reason := context.lacks(need))]
        if not reasons:
            chosen.append(entry)
        elif names is None:
            left_out[name] = "; ".join(reasons)
        else:
            raise UserError(f"evaluator '{name}' does not fit: {'; '.join(reasons)}")
    return chosen, left_out
