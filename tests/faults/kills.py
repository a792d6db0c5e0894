"""Kills of a command at random moments, with checks after each."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.faults.forked import Attempt, answer, attempt
from tests.faults.subject import Subject, compared

__all__ = ["Outcome", "run"]

# Kills one after the other before the command is left to end.
_CHAIN = 8
_WAIT_SECONDS = 5.0
# What the outcome depends on.
_ROOT = Path(__file__).parents[2]
_PACKAGES = ("faults", "tfds_builders", "trainers", "zoo")


@dataclasses.dataclass
class Outcome:
    """Results of one command.

    Attributes:
        title: Title of the command.
        kills: Times of the kills, s after the start.
        ends: Number of completions after one or more kills.
        undisturbed_seconds: Duration without kills, s.
        problems: Problems, a line each.
        orphans: Processes that outlived a killed one.
    """

    title: str
    kills: list[float] = dataclasses.field(default_factory=list)
    ends: int = 0
    undisturbed_seconds: float = 0.0
    problems: list[str] = dataclasses.field(default_factory=list)
    orphans: int = 0


def run(
    subject: Subject,
    kills: int,
    seed: int,
    folder: Path,
    show: Callable[[str], None] = print,
    max_load: float = float("inf"),
) -> Outcome:
    """Kills a command, restarts it, and compares its result.

    The command runs undisturbed once. Then come chains: in a fresh folder it is killed up to eight
    times in a row, each time after its start at a moment drawn uniformly over the undisturbed
    duration, and then left to end. After every kill all that is there is checked, and after the
    end the result is compared with the undisturbed one.

    Args:
        subject: The command.
        kills: Number of kills.
        seed: Of the moments.
        folder: Folder to work in, and of the record, with which a stopped experiment goes on if
            it has the same seed and program.
        show: Called with a line of progress for each chain.
        max_load: No chain begins while more processes than this wait for the machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "record.json"
    state = {
        "seed": seed,
        "program": _program(),
        "reference": None,
        "chains": 0,
        "outcome": None,
    }
    if record.exists():
        saved = json.loads(record.read_text())
        others = [name for name in ("seed", "program") if saved.get(name) != state[name]]
        if others:
            show(f"{subject.name}: starts over, {record} is of another {others[-1]}")
        else:
            state = saved
    outcome = Outcome(**(state["outcome"] or {"title": subject.title}))
    if state["reference"] is None:
        outcome.undisturbed_seconds, state["reference"] = _undisturbed(subject, folder)
        show(f"{subject.name}: undisturbed {outcome.undisturbed_seconds:.1f} s")
    while len(outcome.kills) < kills:
        while os.getloadavg()[0] > max_load:
            time.sleep(_WAIT_SECONDS)
        random = np.random.default_rng(
            [seed, zlib.crc32(subject.name.encode()), int(state["chains"])]
        )
        _chain(subject, folder, outcome, random, kills - len(outcome.kills), state["reference"])
        state |= {"chains": state["chains"] + 1, "outcome": dataclasses.asdict(outcome)}
        _save(record, state)
        show(
            f"{subject.name}: {len(outcome.kills)} of {kills} kills, {outcome.ends} ends, "
            f"{len(outcome.problems)} problems"
        )
    return outcome


def _program() -> str:
    """Returns a digest of all source files."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(f"{path.relative_to(_ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _undisturbed(subject: Subject, folder: Path) -> tuple[float, dict[str, str]]:
    log = folder / "undisturbed.log"
    made = folder / "prepared"
    shutil.rmtree(made, ignore_errors=True)
    work = _fresh(folder)
    # At the path at which every attempt finds it: some files hold their own paths.
    _must_end(attempt(lambda: subject.prepare(work) or 0, log), log)
    shutil.copytree(work, made, symlinks=True)
    ended = _must_end(attempt(lambda: subject.job(work), log), log)
    wrong = answer(lambda: subject.check(work), log)
    if wrong:
        raise RuntimeError(f"{subject.name}, undisturbed: {'; '.join(wrong)}")
    return ended.seconds, answer(lambda: subject.result(work), log)


def _chain(
    subject: Subject,
    folder: Path,
    outcome: Outcome,
    random: np.random.Generator,
    most: int,
    reference: dict[str, str],
) -> None:
    log = folder / "attempts.log"
    log.unlink(missing_ok=True)
    work = _fresh(folder)
    shutil.copytree(folder / "prepared", work, dirs_exist_ok=True, symlinks=True)
    times: list[float] = []
    ended = False
    while not ended and len(times) < min(_CHAIN, most):
        moment = float(random.uniform(0, outcome.undisturbed_seconds))
        done = attempt(lambda: subject.job(work), log, kill_after=moment)
        ended = done.status is not None
        if ended:
            if not times:
                # The machine was busier when it was measured.
                outcome.undisturbed_seconds = done.seconds
            break
        times.append(round(moment, 3))
        outcome.orphans += done.orphans
        wrong = answer(lambda: subject.check(work), log)
        outcome.problems += [f"killed after {times} s: {line}" for line in wrong]
    if not ended:
        done = attempt(lambda: subject.job(work), log)
    if done.status:
        last = log.read_text(errors="replace").strip().splitlines()[-1:]
        outcome.problems.append(f"killed after {times} s: status {done.status}: {''.join(last)}")
    else:
        wrong = answer(lambda: subject.check(work), log)
        wrong += compared(answer(lambda: subject.result(work), log), reference)
        outcome.problems += [f"ended after kills at {times} s: {line}" for line in wrong]
    outcome.kills += times
    outcome.ends += 1


def _must_end(done: Attempt, log: Path) -> Attempt:
    if done.status != 0:
        raise RuntimeError(f"it fails undisturbed, with status {done.status}; see {log}")
    return done


def _fresh(folder: Path) -> Path:
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


def _save(path: Path, state: Any) -> None:
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(state, indent=1))
    beside.replace(path)
