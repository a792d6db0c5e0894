"""One table of ratios: `python -m benchmarks`.

    python -m benchmarks                          all of them
    python -m benchmarks startup model_steps      some of them
    python -m benchmarks --quick                  fewer rounds, a third of the time
    python -m benchmarks --output speed           writes speed.md and speed.json as well
    python -m benchmarks --output speed --go_on   keeps what speed.json has already

Each row was measured in one run beside its yardstick. One that fails says why; the others go on.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, table
from benchmarks.table import Row

__all__ = ["GROUPS", "main"]

GROUPS = (
    "training_step",
    "model_steps",
    "feature_extraction",
    "input_pipeline",
    "prediction",
    "dataset_build",
    "startup",
    "memory",
)
"""Modules whose `rows(quick)` yields rows of the table."""

_PACKAGES = ("tensorflow", "keras", "torch", "numpy", "galsim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table.

    Args:
        arguments: The command line without the program's name; default that of the process.

    Returns:
        The exit status: 1 if a row failed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _options(arguments)
    found = _kept(options)
    about = {
        "machine": machine.describe(_PACKAGES),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
    }
    wanted = [name for name in options.groups if name not in found]
    for number, name in enumerate(wanted, 1):
        print(f"[{number}/{len(wanted)}] {name}", file=sys.stderr, flush=True)
        found[name] = _measured(name, options.quick)
        if options.output:
            _write(about, found, options.output)
    rows = [row for name in GROUPS for row in found.get(name, ())]
    print(f"{about['machine']}; {about['date']}\n\n{table.as_markdown(rows)}")
    return int(any(not row.ratios for row in rows))


def _measured(name: str, quick: bool) -> list[Row]:
    """Returns the rows of a group, with one at the end that says why it failed if it did."""
    found: list[Row] = []
    begun = time.monotonic()
    try:
        for row in importlib.import_module(f"benchmarks.{name}").rows(quick):
            found.append(row)
            ratio = f"{row.ratio:.2f}" if row.ratios else row.remark
            seconds = time.monotonic() - begun
            print(f"  {seconds:4.0f} s  {row.what}: {ratio}", file=sys.stderr, flush=True)
    except Exception as error:  # One group must not cost the table the others.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        found.append(Row(name, remark=f"FAILED: {reason[-1]}"))
        print(f"  {found[-1].remark}", file=sys.stderr, flush=True)
    return found


def _kept(options: argparse.Namespace) -> dict[str, list[Row]]:
    """Returns the groups that the file has whole, if they are to be kept."""
    path = Path(f"{options.output}.json")
    if not options.go_on or not path.exists():
        return {}
    groups = {
        name: [Row(**{**row, "ratios": tuple(row["ratios"])}) for row in rows]
        for name, rows in json.loads(path.read_text())["groups"].items()
    }
    return {name: rows for name, rows in groups.items() if all(row.ratios for row in rows)}


def _write(about: dict[str, str], found: dict[str, list[Row]], stem: str) -> None:
    groups = {name: [dataclasses.asdict(row) for row in rows] for name, rows in found.items()}
    Path(f"{stem}.json").write_text(json.dumps({**about, "groups": groups}, indent=1) + "\n")
    rows = [row for name in GROUPS for row in found.get(name, ())]
    text = f"{about['machine']}; {about['date']}\n\n{table.as_markdown(rows)}\n"
    Path(f"{stem}.md").write_text(text)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("groups", nargs="*", metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--output", help="file without its ending")
    parser.add_argument("--go_on", action="store_true", help="keep what OUTPUT.json has")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.groups) - set(GROUPS))
    if unknown:
        parser.error(f"NAME must be of {', '.join(GROUPS)}; got {', '.join(unknown)}")
    if options.go_on and not options.output:
        parser.error("--go_on needs --output")
    options.groups = options.groups or list(GROUPS)
    return options


if __name__ == "__main__":
    sys.exit(main())
