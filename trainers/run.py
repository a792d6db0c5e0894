"""Trains a registered model, evaluates it and exports it: `python -m trainers.run --model NAME`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.run_options import parse_run

__all__ = ["main"]


def _command(arguments: Sequence[str]) -> None:
    config = parse_run(arguments)
    if config is None:
        from trainers.cli import listing

        print(listing.table())
        return
    from trainers.runs import whole_run

    config, outcome = whole_run.run(config)
    if outcome is not None:
        report = "report.md" if config.repeats == 1 else "repeats.md"
        print(f"report      {Path(config.run_dir) / report}")
        print(f"SavedModel  {outcome.saved_model}")


main = command("run", _command)

if __name__ == "__main__":
    sys.exit(main())
