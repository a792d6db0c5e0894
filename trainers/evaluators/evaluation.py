"""Evaluation of a trained model: numbers, figures and a report."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from trainers.errors import UserError
from trainers.evaluators import EvaluationContext, plot_style, select
from trainers.evaluators import report as reports
from trainers.evaluators.registry import describe
from trainers.options import adaptation
from trainers.options.run import RunConfig
from trainers.storage import json_files

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = ["check", "evaluate"]

_logger = logging.getLogger(__name__)

# Needs that only a finished training meets.
_OF_TRAINED = {"history", "adaptation"}


def check(
    model: ZooModel,
    dataset: Dataset,
    output_dir: Path,
    *,
    evaluators: Sequence[str],
    class_fractions: Sequence[float] | None = None,
) -> None:
    """Checks before a training that evaluators will fit; the arguments are those of `evaluate`.

    Raises:
        UserError: if an evaluator is unknown or does not fit, or the test split is empty.
    """
    context = EvaluationContext(model, dataset, output_dir, class_fractions=class_fractions)
    select(context, [name for name in evaluators if not _OF_TRAINED & {*describe(name).needs}])


def evaluate(
    model: ZooModel,
    dataset: Dataset,
    output_dir: Path,
    *,
    evaluators: Sequence[str] | None = None,
    split: str = "test",
    seed: int = 0,
    class_fractions: Sequence[float] | None = None,
    max_objects: int = 5000,
    run_dir: Path | None = None,
    data_dir: str | None = None,
) -> dict[str, dict[str, float]]:
    """Runs the evaluators and writes `metrics.json`, `figures/*.png` and `report.md`.

    Args:
        model: The trained model.
        dataset: The dataset, with `split` in it.
        output_dir: Folder to write into; made if missing.
        evaluators: Names, see `trainers.evaluators`; None for all that fit model and dataset.
        split: Split to evaluate. Default `test`.
        seed: Seed of resampling and embeddings.
        class_fractions: Known fractions of the classes; None for those that the dataset states.
        max_objects: Objects of a split that are evaluated at most. Default 5000.
        run_dir: Folder of a run, whose configuration, versions and history the report shows too;
            by default `output_dir`. They may be missing.
        data_dir: Folder of a dataset that has no other name; by default that of the run's
            configuration.

    Returns:
        The numbers by evaluator, as they stand in `metrics.json`.

    Raises:
        ValueError: if an evaluator asked for by name fails; failures of the others are reported.
        UserError: if an evaluator is unknown or does not fit, the model and the dataset do not
            fit each other, or `split` is empty.
    """
    context = EvaluationContext(
        model,
        dataset,
        output_dir,
        split=split,
        seed=seed,
        class_fractions=class_fractions,
        run_dir=run_dir,
        max_objects=max_objects,
    )
    chosen, left_out = select(context, evaluators)
    sections = []
    with plot_style.style(), warnings.catch_warnings():
        # Ill-conditioned latents are common, and the sections say what matters of them.
        warnings.simplefilter("ignore")
        for number, entry in enumerate(chosen, 1):
            print(f"evaluating {entry.name}  {number} of {len(chosen)}", flush=True)
            try:
                sections.append((entry.name, entry.title, entry.run(context)))
            except Exception as error:
                is_numerical = isinstance(
                    error, (ValueError, ArithmeticError, np.linalg.LinAlgError)
                )
                # A training of hours is not lost because one figure of its report fails, but
                # an evaluator asked for by name must not be missing in silence.
                if evaluators is not None or isinstance(error, UserError):
                    raise
                # Of the project's own, anything else is a mistake in the code.
                if entry.is_own and not is_numerical:
                    raise
                reason = " ".join(str(error).split())
                left_out[entry.name] = f"failed: {reason}"
                _logger.warning("evaluator '%s' failed: %s", entry.name, reason)
    configuration = _saved(context.run_dir / "config.json")
    data_dir = data_dir or configuration.get("data_dir")
    if dataset.spec.version is not None:
        # A builder has a name of its own; the folder is only where it lies.
        data_dir = None
    return reports.write(
        reports.Report(
            title=_title(context, data_dir),
            facts=_facts(context, data_dir),
            sections=sections,
            left_out=left_out,
            configuration=configuration,
            commands=_commands(configuration, context),
            versions=_saved(context.run_dir / "versions.json"),
        ),
        output_dir,
    )


def _saved(path: Path) -> dict[str, Any]:
    return json_files.read_json(path) if path.exists() else {}


def _commands(configuration: Mapping[str, Any], context: EvaluationContext) -> list[str]:
    if not configuration:
        return []
    again = f"python -m trainers.evaluate --run_dir {shlex.quote(str(context.run_dir))}"
    if "source_run" in configuration:
        return [adaptation.command_of(configuration), again]
    words = ["python -m trainers.run"]
    for field in dataclasses.fields(RunConfig):
        value = configuration.get(field.name)
        default = getattr(RunConfig(), field.name)
        if value in (default, None) or field.name == "overwrite":
            continue
        if field.metadata["path"] and default and Path(str(value)).name == default:
            continue
        words.append(f"--{field.name}")
        if isinstance(value, Mapping):
            words += [shlex.quote(f"{name}={_written(item)}") for name, item in value.items()]
        elif isinstance(value, list):
            words += [shlex.quote(str(item)) for item in value]
        elif value is not True:
            words.append(shlex.quote(str(value)))
    return [" ".join(words), again]


def _written(value: Any) -> str:
    # As `trainers.options.values.parse_value` reads it.
    return "none" if value is None else str(value)


def _title(context: EvaluationContext, data_dir: str | None) -> str:
    name = context.spec.name
    if data_dir:
        name = f"{Path(data_dir).expanduser().resolve().name} ({name})"
    return f"{context.model_name} on {name}"


def _facts(context: EvaluationContext, data_dir: str | None) -> dict[str, str]:
    from trainers.training.parameters import trained_parameters

    facts = {"model": context.model_name}
    with contextlib.suppress(ValueError):  # A class of the user's own has no entry.
        entry = zoo.describe(context.model_name)
        facts |= {"description": entry.summary, "reference": entry.reference}
    facts["task"] = context.model.task.replace("_", " ")
    with contextlib.suppress(AttributeError, ValueError):
        everything, trained = context.model.count_params(), trained_parameters(context.model)
        facts["parameters"] = f"{everything:,}, of which {trained:,} are trained"
    spec = context.spec
    height, width, _ = spec.image_shape
    scale = "" if spec.pixel_scale is None else f" of {spec.pixel_scale:g} arcsec"
    facts["dataset"] = f"{spec.name}, {data_dir}" if data_dir else spec.name
    facts["images"] = f"{height} x {width} pixels{scale}, {', '.join(spec.bands)}, in {spec.units}"
    if spec.transformations:
        facts["image preprocessing"] = "; ".join(spec.transformations)
    if spec.class_names:
        facts["classes"] = ", ".join(spec.class_names)
        if context.class_fractions is not None:
            fractions = (f"{fraction:.3g}" for fraction in context.class_fractions)
            facts["classes"] += f" (expected fractions {', '.join(fractions)})"
    numbers = (f"{number} {split}" for split, number in context.dataset.num_examples.items())
    facts["objects"] = ", ".join(numbers)
    skipped = getattr(context.dataset, "skipped", ())
    if skipped:
        facts["objects"] += f"; {len(skipped)} unusable ones were left out"
    evaluated = len(context.images)
    total = context.dataset.num_examples[context.split]
    share = "all" if evaluated == total else f"the first {evaluated} of"
    facts["evaluated"] = f"{share} {total} objects of the {context.split} split"
    facts["seed of the evaluation"] = str(context.seed)
    return facts
