"""Evaluates a trained model: numbers, figures and a report.

Examples:
    python -m trainers.evaluate --run_dir runs/vae_mixture
    python -m trainers.evaluate --run_dir runs/one --evaluators roc probe --output_dir runs/one/roc
    python -m trainers.evaluate --run_dir runs/one --noise_sigma 14.5 --output_dir runs/one/at_14.5
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import option
from trainers.options.other_data import OtherData
from trainers.options.run import RunConfig
from trainers.runs import run_folder
from trainers.storage import json_files

__all__ = ["main"]

# Options of the run that an evaluation may change, beside its data.
_OF_THE_RUN = ("fade", "noise_sigma", "noise_realisation", "class_fractions")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(OtherData):
    """An evaluation that differs from the run's own report needs --output_dir."""

    run_dir: Path = option()
    """Run folder."""

    output_dir: Path | None = option(None)
    """Output folder; default: the run folder."""

    evaluators: list[str] | None = option(None, type=str, nargs="+", metavar="NAME")
    """Evaluators to run; default: all that apply to the model and the data."""

    split: str = option("test")
    """Split to evaluate."""

    seed: int | None = option(None, least=0)
    """Seed of resampling and embeddings; default: the seed of the run."""

    max_objects: int = option(5000, least=1)
    """Evaluate at most this many objects, the first of the split."""

    fade: list[str] | None = option(None, type=str, nargs="+", metavar="NAME=VALUE")
    """Fading of the galaxies, such as magnitudes=0-4; default: that of the run."""

    noise_sigma: list[float] | None = option(None, type=float, nargs="+", metavar="SIGMA")
    """Standard deviation of the added noise; two values: a range; default: that of the run."""

    noise_realisation: int | None = option(None, least=0)
    """Seed of the added noise; default: that of the run."""

    class_fractions: list[float] | None = option(None, least=0, type=float, nargs="+", metavar="X")
    """Expected fractions of the classes, in their order; default: those of the run."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.evaluate", description=__doc__)
    try:
        metrics = _evaluate_run(options)
    except ValueError as error:
        # An evaluator that was asked for by name does not work on these data.
        raise UserError(str(error)) from error
    for name, numbers in metrics.items():
        shown = (f"{key} {value:.4g}" for key, value in numbers.items() if value is not None)
        print(f"{name}: {', '.join(list(shown)[:6])}")
    print(f"report: {(options.output_dir or options.run_dir) / 'report.md'}")


def _evaluate_run(options: Options) -> dict[str, dict[str, float]]:
    from trainers.evaluators import describe, evaluation

    for name in options.evaluators or ():
        describe(name)
    others = options.given(*_OF_THE_RUN)
    folder = run_folder.RunFolder(options.run_dir)
    config = dataclasses.replace(run_folder.load_config(options.run_dir), **others)
    if options.output_dir is None:
        _check_own_report(options, folder, config, list(others))
    model = run_folder.load_model(options.run_dir)
    from trainers.datasets import loading
    from trainers.prediction import notes

    dataset = loading.load_for_evaluation(config)
    if options.output_dir is None:
        folder.check_evaluated_data(
            dataset, "`data_dir` names a folder that was moved, `output_dir` another report"
        )
    elif options.dataset is None:
        folder.note_changed_data(dataset)
    else:
        record = folder.data_record()
        notes.print_dataset(dataset.spec, record.get("target") or record.get("dataset") or {})
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
        data_dir=config.data_source,
    )
    # The training's own numbers are not ours to lose.
    kept = {"training": earlier["training"]} if "training" in earlier else {}
    json_files.write_json(output_dir / "metrics.json", kept | metrics)
    return metrics


def _check_own_report(
    options: Options, folder: run_folder.RunFolder, config: RunConfig, others: list[str]
) -> None:
    """Refuses options that would replace the report of the run by another or a smaller one."""
    # A folder that was moved may be named if the run has noted which data it must hold.
    moved = ("data_dir", "manual_dir", "images", "labels") if folder.data.exists() else ()
    elsewhere = [name for name in others if name not in moved]
    if options.split != "test":
        elsewhere.append("split")
    if options.evaluators is not None and folder.report.exists():
        own = config.evaluators
        if own is None or not set(own) <= set(options.evaluators):
            elsewhere.append("evaluators")
    if elsewhere:
        raise UserError(f"`{elsewhere[0]}` needs `output_dir`: the run keeps a report of its own")


main = command("evaluate", _command, "stopped; the report is as it was")

if __name__ == "__main__":
    sys.exit(main())
