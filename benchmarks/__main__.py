"""One table of ratios: `python -m benchmarks`.

    python -m benchmarks                          all of them
    python -m benchmarks startup model_steps      some of them
    python -m benchmarks --quick                  fewer rounds, a third of the time
    python -m benchmarks --output speed           writes speed.md and speed.json as well
    python -m benchmarks --output speed --go_on   keeps what speed.json has of this machine already

Each row was measured in one run beside its yardstick. One that fails says why; the others go on.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import conditions, machine, table
from benchmarks.table import Row
from trainers.storage.atomic_files import write_atomically

__all__ = ["GROUPS", "main"]

GROUPS = (
    "training_step",
    "model_steps",
    "onednn",
    "feature_extraction",
    "input_pipeline",
    "prediction",
    "dataset_build",
    "startup",
    "memory",
    "survey_frames",
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
    machine.set_up_tensorflow()
    options = _options(arguments)
    here = machine.describe(_PACKAGES)
    groups = _kept(options.output) if options.go_on else {}
    wanted = [
        name
        for name in options.groups
        if name not in groups or (groups[name].machine, groups[name].quick) != (here, options.quick)
    ]
    for number, name in enumerate(wanted, 1):
        print(f"[{number}/{len(wanted)}] {name}", file=sys.stderr, flush=True)
        product = conditions.product_rate()
        rows = _measured(name, options.quick)
        date = datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes")
        groups[name] = _Group(here, date, options.quick, rows, product)
        if options.output:
            _write(groups, options.output)
    print(_text(groups))
    return int(any(not group.is_whole for group in groups.values()))


@dataclasses.dataclass(frozen=True)
class _Group:
    """Rows of a module, with the conditions of their measurement.

    Attributes:
        machine: Line of `machine.describe`.
        date: ISO date and time.
        quick: Whether they were measured quickly.
        rows: The rows.
        product: Rate of the machine's matrix product just before, GFLOP/s; files of earlier
            versions have none.
    """

    machine: str
    date: str
    quick: bool
    rows: list[Row]
    product: float | None = None

    @property
    def is_whole(self) -> bool:
        return all(row.ratios for row in self.rows)


def _measured(name: str, quick: bool) -> list[Row]:
    """Returns the rows of a group, with one at the end that says why it failed if it did."""
    measured: list[Row] = []
    begun = time.monotonic()
    try:
        for row in importlib.import_module(f"benchmarks.{name}").rows(quick):
            measured.append(row)
            seconds = time.monotonic() - begun
            print(f"  {seconds:4.0f} s  {row.what}: {row.outcome}", file=sys.stderr, flush=True)
    except Exception as error:  # One group must not cost the table the others.
        measured.append(table.failed(name, error))
        print(f"  {measured[-1].remark}", file=sys.stderr, flush=True)
    return measured


def _kept(stem: str) -> dict[str, _Group]:
    """Returns the groups that the file has whole."""
    path = Path(f"{stem}.json")
    if not path.exists():
        return {}
    groups = {}
    for name, held in json.loads(path.read_text())["groups"].items():
        # Earlier versions kept the rows alone, and one machine and date for all of them.
        if isinstance(held, dict):
            rows = [Row(**{**row, "ratios": tuple(row["ratios"])}) for row in held["rows"]]
            groups[name] = _Group(**{**held, "rows": rows})
    return {name: group for name, group in groups.items() if group.is_whole}


def _write(groups: dict[str, _Group], stem: str) -> None:
    held = {name: dataclasses.asdict(group) for name, group in groups.items()}
    for suffix, text in (
        (".json", json.dumps({"groups": held}, indent=1)),
        (".md", _text(groups)),
    ):
        write_atomically(Path(f"{stem}{suffix}"), f"{text}\n")


def _text(groups: dict[str, _Group]) -> str:
    """Returns a table for each machine, and for what was measured quickly."""
    tables: dict[tuple[str, bool], list[_Group]] = {}
    for name in GROUPS:
        if group := groups.get(name):
            tables.setdefault((group.machine, group.quick), []).append(group)
    texts = []
    for (where, quick), alike in tables.items():
        dates = [group.date for group in alike]
        period = " to ".join(sorted({min(dates), max(dates)}))
        rates = [group.product for group in alike if group.product is not None]
        about = [where, period, *["--quick"] * quick]
        if rates:
            about.append(f"matrix product {min(rates):,.0f} to {max(rates):,.0f} GFLOP/s")
        rows = [row for group in alike for row in group.rows]
        texts.append(f"{'; '.join(about)}\n\n{table.as_markdown(rows)}")
    return "\n\n".join(texts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("groups", nargs="*", metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--output", help="file without its ending")
    parser.add_argument(
        "--go_on", action="store_true", help="keep what OUTPUT.json has of this machine, as quick"
    )
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
