"""Stamps/s of SEP beside those of `blendhunter` and `blend_cnn`, on one core and on all.

    python -m benchmarks.blend_classifiers

Noisy stamps of 65x65 in memory; SEP as `trainers.blends.sep_baseline` runs it, its labelling by
the truth included, the models from counts to probability. Ratios are to SEP on as many cores.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks import blends, command, machine, rounds, table
from benchmarks.workers import Worker
from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth

__all__ = ["compared", "main"]

_SEP = "SEP"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow", "keras", "sep"), arguments)


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    examples = blends.draw("test", options.stamps)
    stamps = blends.noisy(examples)
    offsets = BlendTruth.from_arrays(examples, blended_label=1).offsets
    # VGG-16 takes far longer than the rest.
    numbers = {"blendhunter": max(1, len(stamps) // 16), "blend_cnn": len(stamps)}
    workers, timers = [], {}
    with contextlib.ExitStack() as stack:
        for cores in sorted({1, machine.cores()}):
            worker = stack.enter_context(
                Worker("benchmarks.blends_tensorflow", "BlendAnswers", stamps, cores, numbers)
            )
            workers.append(worker)
            where = machine.count(cores)
            timers[f"{_SEP}, {where}"] = functools.partial(
                sep_speed, stamps[..., 0], offsets, cores
            )
            for name in numbers:
                timers[f"{name}, {where}"] = functools.partial(worker.call, "speed", name)
        for timer in timers.values():
            timer()  # Traces, and starts SEP's processes.
        bystanders = machine.bystanders(*workers)
        measured, quiet = rounds.take_turns(timers, options.rounds, bystanders, options.longest)
    size = stamps.shape[1]
    about = f"{len(stamps)} stamps of {size}x{size}, noise {blends.SIGMA:g} counts; {quiet}"
    yield from compared(measured, about)


def sep_speed(stamps: np.ndarray, offsets: np.ndarray, cores: int) -> float:
    """Returns stamps/s of SEP.

    Args:
        stamps: (number, height, width), counts.
        offsets: As `trainers.blends.sep_baseline` takes them.
        cores: Number of processes.
    """
    begun = time.perf_counter()
    sep_baseline.run(stamps, offsets, processes=cores)
    return len(stamps) / (time.perf_counter() - begun)


def compared(measured: Mapping[str, np.ndarray], remark: str) -> Iterator[table.Row]:
    """Yields the rows: each speed beside that of SEP on as many cores.

    Args:
        measured: Stamps/s of each round by "name, cores".
        remark: Of every row.
    """
    for name in measured:
        peer = f"{_SEP}, {name.partition(', ')[2]}"
        yield table.compared(name, "stamps/s", measured, (name, peer), peer, remark)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("blend_classifiers", __doc__, longest=300.0)
    parser.add_argument("--stamps", type=int, default=4000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
