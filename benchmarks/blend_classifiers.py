"""Stamps/s of SEP beside those of `blendhunter` and `blend_cnn`, on one core and on all.

    python -m benchmarks.blend_classifiers

Noisy stamps of 65x65 in memory; SEP as `trainers.blends.sep_baseline` runs it, its labelling by
the truth included, the models from counts to probability. Ratios are to SEP on as many cores.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import blends, conditions, machine, rounds
from benchmarks.workers import Worker
from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth
from trainers.tables.markdown import markdown_table

__all__ = ["main", "report"]

_SEP = "SEP"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    machine.set_up_tensorflow()
    options = _options(arguments)
    examples = blends.draw("test", options.stamps)
    stamps = blends.noisy(examples)
    offsets = BlendTruth.from_arrays(examples, blended_label=1).offsets
    # VGG-16 takes far longer than the rest.
    numbers = {"blendhunter": max(1, len(stamps) // 16), "blend_cnn": len(stamps)}
    own, timers = [os.getpid()], {}
    with contextlib.ExitStack() as stack:
        for cores in sorted({1, machine.cores()}):
            worker = stack.enter_context(
                Worker("benchmarks.blends_tensorflow", "BlendAnswers", stamps, cores, numbers)
            )
            own.append(worker.pid)
            where = machine.count(cores)
            timers[f"{_SEP}, {where}"] = functools.partial(
                sep_speed, stamps[..., 0], offsets, cores
            )
            for name in numbers:
                timers[f"{name}, {where}"] = functools.partial(worker.call, "speed", name)
        for timer in timers.values():
            timer()  # Traces, and starts SEP's processes.
        measured, rounds_line = rounds.take_turns(
            timers, options.rounds, machine.Bystanders(own).share, options.longest
        )
    size = stamps.shape[1]
    print(
        f"blend_classifiers: {len(stamps)} stamps of {size}x{size}, noise {blends.SIGMA:g} counts"
    )
    print(conditions.describe(("tensorflow", "keras", "sep")))
    print(rounds_line)
    print(report(measured))
    return 0


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


def report(measured: Mapping[str, np.ndarray]) -> str:
    """Returns the table: speeds, and their ratios to SEP's on as many cores.

    Args:
        measured: Stamps/s of each round by "name, cores".
    """
    header = ["", *(f"stamps/s {s}" for s in ("min", "median", "max"))]
    header += [f"ratio {s}" for s in ("min", "median", "max")]
    rows = []
    for name, speeds in measured.items():
        ratios = rounds.ratios(measured, name, f"{_SEP}, {name.partition(', ')[2]}")
        rows.append([name, *rounds.spread(speeds, 0), *rounds.spread(ratios, 3)])
    return markdown_table(header, rows, aligned=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.blend_classifiers", description=__doc__)
    parser.add_argument("--stamps", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--longest", type=float, default=300.0, help="seconds after which no further round begins"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
