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
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks import blends, conditions, machine, rounds, table
from benchmarks.workers import Worker
from trainers.tables.markdown import markdown_table

__all__ = ["main", "report", "rows"]

_FEATURES = "features"
_SIDE = blends.SPEC.image_shape[0] + 2 * blends.PAD
_PRODUCTS = ("tf.matmul", "numpy.matmul")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark and prints its table.

    Args:
        arguments: The command line without the program's name; default that of the process.
    """
    machine.set_up_tensorflow()
    options = _options(arguments)
    measured, rounds_line, flop = _measure(options)
    print(f"feature_extraction: VGG-16 on {_SIDE}x{_SIDE}, {machine.count(options.cores)}")
    print(conditions.describe(("tensorflow", "keras", "numpy")))
    print(
        f"{flop / 1e9:.3f} GFLOP a stamp; matrices of {options.size}x{options.size}; {rounds_line}"
    )
    print(report(measured, flop))
    return 0


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields the row of the one table.

    Args:
        quick: Whether fewer rounds are measured.
    """
    given = ["--stamps", "64" if quick else "128", "--size", "2048", "--rounds", "3"]
    measured, rounds_line, flop = _measure(_options([*given, "--longest", "60"]))
    fastest = _fastest(measured)
    yield table.compared(
        f"features of blendhunter (VGG-16), {_SIDE}x{_SIDE}",
        "GFLOP/s",
        measured,
        (_FEATURES, fastest),
        f"{fastest} of 2048x2048",
        f"{flop / 1e9:.3f} GFLOP a stamp; {rounds_line}",
        (flop / 1e9, 1.0),
    )


def _measure(options: argparse.Namespace) -> tuple[dict[str, np.ndarray], str, int]:
    """Returns rates by name, a line on the rounds, and the operations for a stamp."""
    stamps = blends.noisy(blends.draw("train", options.stamps))
    product = (options.size, options.cores)
    with (
        Worker("benchmarks.blends_tensorflow", "VggFeatures", stamps, options.cores) as ours,
        Worker("benchmarks.matrix_product", "TensorFlowProduct", *product) as tensorflow_product,
        Worker("benchmarks.matrix_product", "NumpyProduct", *product) as numpy_product,
    ):
        flop = ours.call("flop")
        products = (tensorflow_product, numpy_product)
        timers = {_FEATURES: functools.partial(ours.call, "speed")}
        timers |= {
            name: functools.partial(worker.call, "rate", options.products)
            for name, worker in zip(_PRODUCTS, products, strict=True)
        }
        for timer in timers.values():
            timer()  # Traces.
        measured, rounds_line = rounds.take_turns(
            timers,
            options.rounds,
            machine.Bystanders([os.getpid(), ours.pid, *(each.pid for each in products)]).share,
            options.longest,
        )
    return measured, rounds_line, flop


def report(measured: Mapping[str, np.ndarray], flop: int) -> str:
    """Returns the table: rates, and that of the features over the faster product's.

    Args:
        measured: Of each round, stamps/s of "features", and GFLOP/s of "tf.matmul" and
            "numpy.matmul".
        flop: Operations for a stamp.
    """
    features = measured[_FEATURES]
    fastest = _fastest(measured)
    rows = [
        ["features, stamps/s", *rounds.spread(features, 1)],
        ["features, GFLOP/s", *rounds.spread(features * flop / 1e9, 0)],
        *([f"{name}, GFLOP/s", *rounds.spread(measured[name], 0)] for name in _PRODUCTS),
    ]
    ratios = rounds.ratios(measured, _FEATURES, fastest) / 1e9
    rows.append([f"features / {fastest}", *rounds.spread(ratios * flop, 2)])
    return markdown_table(["", "min", "median", "max"], rows, aligned=True)


def _fastest(measured: Mapping[str, np.ndarray]) -> str:
    return max(_PRODUCTS, key=lambda name: np.median(measured[name]))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.feature_extraction", description=__doc__)
    parser.add_argument("--cores", type=int, default=machine.cores())
    parser.add_argument("--stamps", type=int, default=256, help="stamps of each round")
    parser.add_argument("--products", type=int, default=4, help="matrix products of each round")
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of the matrices")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument(
        "--longest", type=float, default=300.0, help="seconds after which no further round begins"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
