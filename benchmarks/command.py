"""Command lines of single benchmarks: options, progress, and a table below the conditions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

from benchmarks import conditions, machine, table

__all__ = ["make_parser", "run"]


def make_parser(
    module: str,
    description: str | None,
    *,
    rounds: int = 5,
    longest: float | None = None,
    models: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Returns a parser of the options that benchmarks share, to which others may be added.

    Args:
        module: Name of the module in `benchmarks`.
        description: Of the benchmark, for `--help`.
        rounds: Default of `--rounds`.
        longest: Default of `--longest`, s; None (default) for no such option.
        models: Registry keys of the models that can be measured, all by default; with them come
            `--models` and `--alone`.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks.{module}", description=description)
    parser.add_argument("--rounds", type=int, default=rounds)
    if longest is not None:
        text = "seconds after which no further round begins"
        parser.add_argument("--longest", type=float, default=longest, help=text)
    if models:
        parser.add_argument("--models", nargs="+", choices=models, default=list(models))
        text = "one thread each, by its processor time: for a machine with other work"
        parser.add_argument("--alone", action="store_true", help=text)
    return parser


def run(
    parser: argparse.ArgumentParser,
    measured: Callable[[argparse.Namespace], Iterable[table.Row]],
    packages: Sequence[str],
    arguments: Sequence[str] | None,
) -> int:
    """Prints each row to standard error as it is measured, then the conditions and the table.

    Args:
        parser: Of the options.
        measured: Yields the rows for the options.
        packages: Distributions whose versions are named.
        arguments: The command line without the program's name; None for that of the process.

    Returns:
        The exit status, 0.
    """
    machine.set_up_tensorflow()
    rows = []
    for row in measured(parser.parse_args(arguments)):
        print(f"{row.what}: {row.outcome}", file=sys.stderr, flush=True)
        rows.append(row)
    print(conditions.describe(packages))
    print(table.as_markdown(rows))
    return 0
