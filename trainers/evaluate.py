"""Evaluates a trained model: numbers, figures and a report.

Examples:
    python -m trainers.evaluate --run_dir runs/vae_mixture
    python -m trainers.evaluate --run_dir runs/vae_mixture --evaluators roc manifold
    python -m trainers.evaluate --run_dir runs/one --noise_sigma 14.5 --output_dir runs/one/at_14.5
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.arguments import OneLineParser
from trainers.cli.exit_status import exit_status
from trainers.errors import UserError
from trainers.runs import run_folder
from trainers.storage import json_files

__all__ = ["main"]

# Options of the run that an evaluation may change.
_OTHER_DATA = ("dataset", "data_dir", "manual_dir", "noise_sigma", "noise_realisation")


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
    from trainers.evaluators import describe, evaluation

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
    earlier_file = output_dir / "metrics.json"
    earlier = json_files.read_json(earlier_file) if earlier_file.exists() else {}
    metrics = evaluation.evaluate(
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
