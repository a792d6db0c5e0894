"""Registry of evaluators, with the requirements of each on the model and the data."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trainers.errors import UserError
from zoo.lazy_registry import LazyRegistry

if TYPE_CHECKING:
    from trainers.evaluators.context import EvaluationContext
    from trainers.evaluators.needs import Need
    from trainers.evaluators.section import Section

__all__ = ["EvaluatorEntry", "describe", "list_evaluators", "register", "select"]

# Files of this package that define an evaluator of the same name, in the order of the report.
_MODULES = (
    "history",
    "transfer",
    "roc",
    "thresholds",
    "by_magnitude",
    "calibration",
    "regression",
    "redshift",
    "symmetries",
    "separation",
    "neighbours",
    "separator",
    "manifold",
    "probe",
    "tasks",
    "votes",
    "segmentation",
    "pixel_classes",
    "detection",
    "deblending",
    "latent_fit",
    "deblending_residuals",
    "shear_bias",
    "deblended_fields",
    "reconstruction",
    "spectra",
    "image_spectra",
    "cross_modal",
    "latent_space",
    "generation",
    "realism",
    "outliers",
    "class_outliers",
    "anomalies",
    "clusters",
    "similarity",
    "pixel_values",
    "feature_maps",
)


@dataclasses.dataclass(frozen=True)
class EvaluatorEntry:
    """An evaluator.

    Attributes:
        name: Key of its numbers in `metrics.json`.
        title: Heading in the report.
        needs: What the model and the data must have.
        run: Takes the context, returns the section of the report.
    """

    name: str
    title: str
    needs: tuple[Need, ...]
    run: Callable[[EvaluationContext], Section]

    @property
    def is_own(self) -> bool:
        """True for an evaluator of this project."""
        return self.run.__module__.partition(".")[0] == __name__.partition(".")[0]


_registry: LazyRegistry[EvaluatorEntry] = LazyRegistry(
    "evaluator",
    group="galaxy_model_zoo.evaluators",
    own_modules=lambda: {name: f"trainers.evaluators.{name}" for name in _MODULES},
    definition=operator.attrgetter("run"),
)
_entries = _registry.entries


def register(
    name: str, *, title: str, needs: Sequence[Need] = ()
) -> Callable[[Callable], Callable]:
    """Decorator that enters a function `run(context) -> Section` as the evaluator `name`.

    Args:
        name: Key of its numbers in `metrics.json`.
        title: Heading in the report.
        needs: What the model and the data must have, see `trainers.evaluators.needs.Need`.

    Raises:
        ValueError: if `name` is taken or no identifier.
    """

    def enter(run: Callable[[EvaluationContext], Section]) -> Callable:
        _registry.add(name, EvaluatorEntry(name, title, tuple(needs), run))
        return run

    return enter


def list_evaluators() -> list[str]:
    """Returns the names in the order of the report: the project's, then those of others."""
    return _registry.names()


def describe(name: str) -> EvaluatorEntry:
    """Returns the entry of an evaluator.

    Raises:
        UserError: if no evaluator has that name; the message lists the names and the nearest one.
            Or if it is another package's and cannot be imported, or shares its name.
    """
    try:
        return _registry.get(name)
    except ValueError as error:
        raise UserError(str(error)) from None


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
        try:
            entry = describe(name)
        except UserError as error:
            if names is not None:
                raise
            # Another package's: the report of a training does not depend on what else is installed.
            left_out[name] = str(error)
            continue
        reasons = [reason for need in entry.needs if (reason := context.lacks(need))]
        if not reasons:
            chosen.append(entry)
        elif names is None:
            left_out[name] = "; ".join(reasons)
        else:
            raise UserError(f"evaluator '{name}' does not fit: {'; '.join(reasons)}")
    return chosen, left_out
