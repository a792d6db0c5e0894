"""Features of `blendhunter` beside large products of matrices, counted in FLOP.

    python -m benchmarks.feature_extraction
    python -m benchmarks.feature_extraction --cores 1

The frozen VGG-16 on stamps of 65x65, as `trainers.training.two_stage` calls it, in turns with
products of float32 matrices by TensorFlow and by NumPy; the faster of the two is the rate that the
machine can sustain. The operations are those of the convolutions (`benchmarks.flop`): the
preprocessing, biases, activations and pooling take time and count for nothing. Products with the
zeros of the padding are counted, as is the custom.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks import blends, command, machine, matrix_product, rounds, table
from benchmarks.workers import Worker

__all__ = ["main", "row", "rows"]

_FEATURES = "features"
_SIDE = blends.SPEC.image_shape[0] + 2 * blends.PAD


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow", "keras", "numpy"), arguments)


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the row of the one table; of fewer stamps if it must be quick."""
    chosen = ["--stamps", "64" if quick else "128", "--size", "2048", "--rounds", "3"]
    yield from _measured(_parser().parse_args([*chosen, "--longest", "60"]))


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    stamps = blends.noisy(blends.draw("train", options.stamps))
    with (
        Worker("benchmarks.blends_tensorflow", "VggFeatures", stamps, options.cores) as ours,
        matrix_product.workers(options.size, options.cores) as products,
    ):
        timers = {_FEATURES: functools.partial(ours.call, "speed")}
        timers |= {
            name: functools.partial(worker.call, "rate", options.products)
            for name, worker in products.items()
        }
        for timer in timers.values():
            timer()  # Traces.
        bystanders = machine.bystanders(ours, *products.values())
        measured, quiet = rounds.take_turns(timers, options.rounds, bystanders, options.longest)
        where = f"{machine.count(options.cores)}; {quiet}"
        yield row(measured, ours.call("flop"), options.size, where)


def row(measured: Mapping[str, np.ndarray], flop: int, size: int, remark: str) -> table.Row:
    """Returns the rate of the features beside that of the faster product.

    Args:
        measured: Of each round, stamps/s of "features", and GFLOP/s of the products by name.
        flop: Operations for a stamp.
        size: Rows and columns of the matrices.
        remark: End of the remark.
    """
    fastest = rounds.fastest(measured, measured.keys() - {_FEATURES})
    speed = np.median(measured[_FEATURES])
    return table.compared(
        f"features of blendhunter (VGG-16), {_SIDE}x{_SIDE}",
        "GFLOP/s",
        measured,
        (_FEATURES, fastest),
        f"{fastest} of {size}x{size}",
        f"{speed:.1f} stamps/s of {flop / 1e9:.3f} GFLOP; {remark}",
        (flop / 1e9, 1.0),
    )


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("feature_extraction", __doc__, rounds=8, longest=300.0)
    parser.add_argument("--cores", type=int, default=machine.cores())
    parser.add_argument("--stamps", type=int, default=256, help="stamps of each round")
    parser.add_argument("--products", type=int, default=4, help="matrix products of each round")
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of the matrices")
    return parser


if __name__ == "__main__":
    sys.exit(main())
