"""Evaluates a trained model: numbers, figures and a report.

Examples:
    python -m trainers.evaluate --run_dir runs/vae_mixture
    python -m trainers.evaluate --run_dir runs/vae_mixture --evaluators roc manifold
    python -m trainers.evaluate --run_dir runs/one --noise_sigma 14.5 --output_dir runs/one/at_14.5
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import shlex
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.options import adaptation
from trainers.options.run import RunConfig
from trainers.runs import run_folder
from trainers.storage import json_files

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset
    from trainers.evaluators import EvaluationContext
    from zoo.model import ZooModel

__all__ = ["evaluate", "main"]

_logger = logging.getLogger(__name__)

# Options of the run that an evaluation may change.
_OTHER_DATA = ("dataset", "data_dir", "manual_dir", "noise_sigma", "noise_realisation")


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
        run_dir: Folder of a run, whose configuration, versions and history the report tells too;
            by default `output_dir`. They may be missing.
        data_dir: Folder of a dataset that is known by its folder alone; by default that of the
            run's configuration.

    Returns:
        The numbers by evaluator, as they stand in `metrics.json`.

    Raises:
        ValueError: if an evaluator asked for by name fails; of the others the report tells it.
        UserError: if an evaluator is unknown or does not fit, the model and the dataset do not
            fit each other, or `split` is empty.
    """
    from trainers.evaluators import EvaluationContext, select
    from trainers.evaluators import report as reports
    from trainers.evaluators.figures import plot_style

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
        # Ill-conditioned latents are common, and what matters of them is told in the sections.
        warnings.simplefilter("ignore")
        for number, entry in enumerate(chosen, 1):
            print(f"evaluating {entry.name}  {number} of {len(chosen)}", flush=True)
            try:
                sections.append((entry.name, entry.title, entry.run(context)))
            except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
                # A training of hours is not lost because one figure of its report fails, but
                # who asks for an evaluator is told.
                if evaluators is not None or isinstance(error, UserError):
                    raise
                left_out[entry.name] = f"failed: {error}"
                _logger.warning("evaluator '%s' failed: %s", entry.name, error)
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
    import zoo
    from trainers.cli.listing import weight_count

    facts = {"model": context.model_name}
    with contextlib.suppress(ValueError):  # A class of the user's own has no entry.
        entry = zoo.describe(context.model_name)
        facts |= {"what it is": entry.summary, "reference": entry.reference}
    facts["task"] = context.model.task.replace("_", " ")
    with contextlib.suppress(AttributeError, ValueError):
        everything, trained = context.model.count_params(), weight_count(context.model)
        facts["parameters"] = f"{everything:,}, of which {trained:,} are trained"
    spec = context.spec
    height, width, _ = spec.image_shape
    scale = "" if spec.pixel_scale is None else f" of {spec.pixel_scale:g} arcsec"
    facts["dataset"] = f"{spec.name}, {data_dir}" if data_dir else spec.name
    facts["images"] = f"{height} x {width} pixels{scale}, {', '.join(spec.bands)}, in {spec.units}"
    if spec.transformations:
        facts["images were given"] = "; ".join(spec.transformations)
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


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(
        prog="python -m trainers.evaluate",
        description="Evaluates the model of a run and writes metrics.json and report.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--run_dir", type=Path, required=True, help="Folder of the run.")
    parser.add_argument(
        "--output_dir", type=Path, help="Folder to write into; default: the folder of the run."
    )
    parser.add_argument(
        "--evaluators", nargs="+", metavar="NAME", help="Default: all that fit the model."
    )
    parser.add_argument("--split", default="test", help="Split to evaluate; default: %(default)s.")
    parser.add_argument("--seed", type=int, help="Default: the seed of the run.")
    parser.add_argument(
        "--max_objects", type=int, default=5000, help="Objects of a split; default: %(default)s."
    )
    given = parser.add_argument_group("other data than those of the run; with --output_dir")
    given.add_argument("--dataset", help="Dataset; default: that of the run.")
    given.add_argument("--data_dir", help="Default: that of the run.")
    given.add_argument("--manual_dir", help="Default: that of the run.")
    given.add_argument("--noise_sigma", type=float, nargs="+", metavar="SIGMA")
    given.add_argument("--noise_realisation", type=int)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 0, 1 if something cannot be written, 2 for a mistake of the user.
    """
    return exit_status("evaluate", _command, arguments, "stopped; the report is as it was")


def _command(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    try:
        metrics = _evaluate_run(options)
    except ValueError as error:
        # An evaluator that was asked for by name does not work on these data.
        raise UserError(str(error)) from error
    for name, numbers in metrics.items():
        shown = (f"{key} {value:.4g}" for key, value in numbers.items() if value is not None)
        print(f"{name}: {', '.join(list(shown)[:6])}")
    print(f"report: {(options.output_dir or options.run_dir) / 'report.md'}")


def _evaluate_run(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    from trainers.evaluators import describe

    for name in options.evaluators or ():
        describe(name)
    if options.max_objects < 1:
        raise UserError(f"--max_objects must be at least 1; got {options.max_objects}")
    others = {name: getattr(options, name) for name in _OTHER_DATA}
    others = {name: value for name, value in others.items() if value is not None}
    if others and options.output_dir is None:
        raise UserError(
            f"--{next(iter(others))} needs --output_dir: the report of the run is of its own data"
        )
    model = run_folder.load_model(options.run_dir)
    from trainers.datasets import loading

    config = dataclasses.replace(run_folder.load_config(options.run_dir), **others)
    dataset = loading.load_for_run(config)
    output_dir = options.output_dir or options.run_dir
    earlier = _saved(output_dir / "metrics.json")
    metrics = evaluate(
        model,
        dataset,
        output_dir,
        evaluators=options.evaluators,
        split=options.split,
        seed=config.seed if options.seed is None else options.seed,
        class_fractions=config.class_fractions,
        max_objects=options.max_objects,
        run_dir=options.run_dir,
        data_dir=config.data_dir,
    )
    # The training's own numbers are not ours to lose.
    kept = {"training": earlier["training"]} if "training" in earlier else {}
    json_files.write_json(output_dir / "metrics.json", kept | metrics)
    return metrics


if __name__ == "__main__":
    sys.exit(main())
