"""Kills every command at random moments.

Each is killed with SIGKILL, restarted, and at its end compared with an undisturbed run. Prints a
table, and exits with status 1 if anything was lost, doubled or half-written. An experiment that
was stopped goes on when it is started again with the same folder; after a change of the program it
starts over.

Examples:
    python -m tests.faults --output_dir faults_50
    python -m tests.faults --kills 3 --output_dir faults_3
    python -m tests.faults --only training export --kills 200 --seed 1 --output_dir faults_200
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import commands
from trainers.tables.markdown import markdown_table

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment; returns 1 if there was a problem.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--kills", type=int, default=50, help="Of each command; default: %(default)s.")
    add("--seed", type=int, default=0, help="Of the moments; default: %(default)s.")
    add("--only", nargs="+", choices=commands.NAMES, help="Commands to kill; default: all.")
    add("--output_dir", type=Path, required=True, help="Folder to work in.")
    add("--max_load", type=float, default=float("inf"), help="Wait while the load is above it.")
    options = parser.parse_args(arguments)
    subjects = commands.subjects(options.only)
    from tests.faults import kills

    commands.import_what_children_need()
    outcomes = []
    for subject in subjects:
        begun = time.monotonic()
        outcome = kills.run(
            subject,
            options.kills,
            options.seed,
            options.output_dir.resolve() / subject.name,
            commands.show,
            options.max_load,
        )
        commands.show(f"{subject.name}: {time.monotonic() - begun:.0f} s")
        outcomes.append(outcome)
    rows = [
        [
            each.title,
            f"{each.undisturbed_seconds:.1f} s",
            *map(str, (len(each.kills), each.ends, len(each.problems), each.orphans)),
        ]
        for each in outcomes
    ]
    head = ["command", "undisturbed", "kills", "ends", "problems", "processes left"]
    print(markdown_table(head, rows))
    problems = [f"{each.title}: {line}" for each in outcomes for line in each.problems]
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
