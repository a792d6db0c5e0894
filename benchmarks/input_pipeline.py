"""Whether training waits for its images: batches from memory beside the steps of `vae`.

    python -m benchmarks.input_pipeline

Supply is what the input pipeline delivers when nothing else runs, demand what the training
steps take from it; then a few epochs of `trainers.training.loop` say for what fraction of their
time they waited.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import machine, rounds, table
from benchmarks.workers import Worker

__all__ = ["main", "rows"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options = _options(arguments)
    measured, rounds_line, waits = _measure(options)
    print(
        f"input_pipeline: {options.images} images of 64x64x5 in memory, batch {options.batch_size}"
    )
    print(machine.describe(("tensorflow",)))
    print(rounds_line)
    ratios = rounds.ratios(measured, "pipeline alone", "training steps")
    rows = [[f"{name}, images/s", *rounds.spread(v, 0)] for name, v in measured.items()]
    rows.append(["pipeline alone / training steps", *rounds.spread(ratios, 1)])
    rows.append([f"fraction of {options.epochs} epochs spent waiting", *rounds.spread(waits, 4)])
    print(rounds.text_table(["", "min", "median", "max"], rows))
    return 0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the row of the one table.

    Args:
        quick: Whether fewer rounds are measured.
    """
    options = _options(["--rounds", "3" if quick else "6", "--epochs", "2"])
    measured, rounds_line, waits = _measure(options)
    yield table.compared(
        "images of 64x64x5 from memory, batch 64",
        "images/s",
        measured,
        ("pipeline alone", "training steps"),
        "training steps of vae that eat them",
        f"{np.median(waits):.1%} of an epoch spent waiting; {rounds_line}",
    )


def _measure(
    options: argparse.Namespace,
) -> tuple[dict[str, np.ndarray], str, np.ndarray]:
    """Returns images/s by name, a line on the rounds, and the share of each epoch that waited."""
    with Worker(
        "benchmarks.vae_tensorflow", "TensorFlowSteps", options.images, options.batch_size
    ) as worker:
        worker.call("speed", "graph", 3)
        measured, rounds_line = rounds.take_turns(
            {
                "pipeline alone": functools.partial(worker.call, "supply"),
                "training steps": functools.partial(worker.call, "speed", "graph", options.steps),
            },
            options.rounds,
            machine.Bystanders([os.getpid(), worker.pid]).share,
            60.0,
        )
        waits = np.array(worker.call("waits", options.epochs))
    return measured, rounds_line, waits


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.input_pipeline", description=__doc__)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10, help="training steps of each round")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of the training loop")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
