"""Trains a registered model, evaluates it and exports it: `python -m trainers.run --model NAME`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.run_options import parse_run
from trainers.options.run import RunConfig

__all__ = ["main"]


def _command(arguments: Sequence[str]) -> None:
    config = parse_run(arguments)
    if config is None:
        from trainers.cli import listing

        print(listing.table())
    else:
        _run(config)


def _run(config: RunConfig) -> None:
    from trainers.distribution import strategy as strategies
    from trainers.runs import pipeline, repeats
    from trainers.runs.run_name import default_run_dir

    pipeline.check_model(config)
    if not config.run_dir:
        config = dataclasses.replace(config, run_dir=default_run_dir(config))
    strategy = strategies.make(config.strategy, config.deterministic)
    with strategies.telling_failures(strategy):
        dataset = _load(config, strategy)
        execute = repeats.execute if config.repeats > 1 else pipeline.execute
        outcome = execute(config, dataset, strategy)
        strategies.end(strategy)
    if outcome is not None:
        print(f"report      {Path(config.run_dir) / _report(config)}")
        print(f"SavedModel  {outcome.saved_model}")


def _load(config: RunConfig, strategy):
    from trainers.datasets import loading
    from trainers.distribution import strategy as strategies

    with strategies.chief_first(strategy) as chief:
        dataset = loading.load_for_run(config)
    if chief:
        _print_skipped(dataset)
    return dataset


def _print_skipped(dataset, shown: int = 10) -> None:
    skipped = getattr(dataset, "skipped", ())
    if skipped:
        print(f"{len(skipped)} images left out:")
        rest = [f"... and {len(skipped) - shown} more"] * (len(skipped) > shown)
        print(*(f"  {line}" for line in [*skipped[:shown], *rest]), sep="\n", flush=True)


def _report(config: RunConfig) -> str:
    return "report.md" if config.repeats == 1 else "repeats.md"


main = command("run", _command)

if __name__ == "__main__":
    sys.exit(main())
