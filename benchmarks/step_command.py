"""Command line and output of the benchmarks that time steps of models in processes of their own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence

from benchmarks import conditions, table

__all__ = ["make_parser", "show"]


def make_parser(
    module: str, description: str | None, models: Sequence[str], rounds: int = 5
) -> argparse.ArgumentParser:
    """Returns a parser of `--models`, `--rounds` and `--alone`, to which options may be added.

    Args:
        module: Name of the benchmark's module.
        description: Of the benchmark, for `--help`.
        models: Registry keys of the models that can be measured; all by default.
        rounds: Default number of rounds.
    """
    parser = argparse.ArgumentParser(prog=module, description=description)
    parser.add_argument("--models", nargs="+", choices=models, default=list(models))
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument(
        "--alone",
        action="store_true",
        help="one thread each, by its processor time: for a machine with other work",
    )
    return parser


def show(
    measured: Iterable[table.Row],
    packages: Sequence[str],
    progress: Callable[[table.Row], str] = lambda row: row.remark,
) -> None:
    """Prints each row to standard error as it is measured, then the conditions and the table.

    Args:
        measured: The rows.
        packages: Distributions whose versions are named.
        progress: Text behind the name of a row that was just measured. Default: its remark.
    """
    rows = []
    for row in measured:
        print(row.what, progress(row), file=sys.stderr, flush=True)
        rows.append(row)
    print(conditions.describe(packages))
    print(table.as_markdown(rows))
