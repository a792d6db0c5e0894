"""Disks that are full, or cannot be written, under every command of `python -m tests.faults`.

Each command works on a small file system in memory of its own (tmpfs, in a mount namespace that
ends with this process; it needs `unshare` and `mount`, and a kernel that allows both to users).
With room for a part only of what it writes it must say so in one line and leave nothing
half-written; given more room, the same command must come to what it comes to undisturbed. Without
leave to write at all it must say so in one line.

Examples:
    python -m tests.faults.disks --output_dir faults_disks
    python -m tests.faults.disks --only training export --rooms 9 --output_dir faults_disks
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tests.faults import commands
from tests.faults.forked import answer, attempt
from tests.faults.subject import Subject, compared
from trainers.tables.markdown import markdown_table

__all__ = ["Outcome", "main", "run"]

_INSIDE = "FAULTS_MOUNT_NAMESPACE"
_PLENTY = "512m"


@dataclasses.dataclass
class Outcome:
    """Results of one command.

    Attributes:
        title: The command.
        full: How often the disk was full.
        fitted: How often all fitted after all.
        read_only: Its message about a folder that cannot be written.
        problems: Problems, a line each.
    """

    title: str
    full: int = 0
    fitted: int = 0
    read_only: str = ""
    problems: list[str] = dataclasses.field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the experiment; returns 1 if there was a problem.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.disks", description=__doc__.split("\n")[0]
    )
    add = parser.add_argument
    add("--rooms", type=int, default=5, help="Sizes of disk for each; default: %(default)s.")
    add("--only", nargs="+", choices=commands.NAMES, help="Commands; default: all.")
    add("--output_dir", type=Path, required=True, help="Folder to work in.")
    options = parser.parse_args(arguments)
    if not os.environ.get(_INSIDE):
        os.environ[_INSIDE] = "1"
        alone = ["unshare", "--map-root-user", "--mount"]
        os.execvp(alone[0], [*alone, sys.executable, "-m", "tests.faults.disks", *arguments])
    subjects = commands.subjects(options.only)
    commands.import_what_children_need()
    outcomes = []
    for subject in subjects:
        folder = options.output_dir.resolve() / subject.name
        outcomes.append(run(subject, options.rooms, folder, commands.show))
    rows = [
        [each.title, str(each.full), str(each.fitted), str(len(each.problems)), each.read_only]
        for each in outcomes
    ]
    head = ["command", "disk full", "fitted", "problems", "what is said of a read-only folder"]
    print(markdown_table(head, rows))
    problems = [f"{each.title}: {line}" for each in outcomes for line in each.problems]
    print(*problems, sep="\n")
    return 1 if problems else 0


def run(subject: Subject, rooms: int, folder: Path, show: Callable[[str], None]) -> Outcome:
    """Gives a command disks of several sizes, and one that it may not write to.

    Args:
        subject: The command.
        rooms: Number of sizes, evenly from what it is given to what it needs in the end.
        folder: Folder to work in.
        show: Called with a line of progress for each size.
    """
    shutil.rmtree(folder, ignore_errors=True)
    work, log, prepared = folder / "work", folder / "attempts.log", folder / "prepared"
    work.mkdir(parents=True)
    outcome = Outcome(subject.title)
    with _Disk(work) as disk:
        if attempt(lambda: subject.prepare(work) or 0, log).status:
            raise RuntimeError(f"{subject.name} cannot be prepared; see {log}")
        initial = disk.used()
        shutil.copytree(work, prepared, symlinks=True)
        if attempt(lambda: subject.job(work), log).status:
            raise RuntimeError(f"{subject.name} fails undisturbed; see {log}")
        needed = disk.used()
        reference = answer(lambda: subject.result(work), log)
    for share in np.linspace(0, 1, rooms, endpoint=False):
        size = int(initial + share * (needed - initial))
        with _Disk(work) as disk:
            shutil.copytree(prepared, work, dirs_exist_ok=True, symlinks=True)
            disk.resize(str(max(size, disk.used(), 4096)))
            where = f"room for {share:.0%} of {needed - initial} bytes"
            status, said = _said(subject, work, log)
            wrong = answer(lambda: subject.check(work), log)
            if status:
                outcome.full += 1
                wrong += _not_one_line(status, said)
            else:
                outcome.fitted += 1
            disk.resize(_PLENTY)
            again, after = _said(subject, work, log)
            if again:
                wrong.append(f"with more room: status {again}: {after[-300:]}")
            else:
                wrong += compared(answer(lambda: subject.result(work), log), reference)
        outcome.problems += [f"{where}: {line}" for line in wrong]
        show(f"{subject.name}, {where}: status {status}, {_last(said)}; {len(wrong)} problems")
    with _Disk(work) as disk:
        shutil.copytree(prepared, work, dirs_exist_ok=True, symlinks=True)
        disk.forbid_writing()
        status, said = _said(subject, work, log)
        outcome.read_only = _last(said).replace(str(work), "FOLDER")
        outcome.problems += [f"read-only: {line}" for line in _not_one_line(status, said)]
    show(f"{subject.name}, read-only: status {status}, {_last(said)}")
    return outcome


class _Disk:
    """A file system in memory over a folder, for as long as it is entered."""

    def __init__(self, folder: Path):
        self._folder = folder

    def __enter__(self) -> _Disk:
        self._mount("-t", "tmpfs", "-o", f"size={_PLENTY}", "faults")
        return self

    def __exit__(self, *unused) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)

    def used(self) -> int:
        """Returns how much is taken, in bytes."""
        state = os.statvfs(self._folder)
        return (state.f_blocks - state.f_bfree) * state.f_frsize

    def resize(self, size: str) -> None:
        self._mount("-o", f"remount,size={size}")

    def forbid_writing(self) -> None:
        self._mount("-o", "remount,ro")

    def _mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self._folder)], check=True)


def _said(subject: Subject, work: Path, log: Path) -> tuple[int, str]:
    log.unlink(missing_ok=True)
    status = attempt(lambda: subject.job(work), log).status
    return status, log.read_text(errors="replace")


def _not_one_line(status: int, said: str) -> list[str]:
    errors = [line for line in said.splitlines() if ": error: " in line]
    if status in (1, 2) and len(errors) == 1 and "Traceback" not in said:
        return []
    return [f"status {status} and {len(errors)} lines of error: {_last(said)}"]


def _last(said: str) -> str:
    return "".join(said.strip().splitlines()[-1:])


if __name__ == "__main__":
    sys.exit(main())
