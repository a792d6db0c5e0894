"""Training steps of the zoo's models as a share of the rate of large matrix products.

    python -m benchmarks.model_steps
    python -m benchmarks.model_steps --models vae_mixture gz_cnn
    python -m benchmarks.model_steps --alone

Each model has the defaults of its constructor, the batch size of its default recipe, and random
images in memory that are not turned. The operations of a step are those of its products and
convolutions (`benchmarks.flop`): preprocessing, likelihood and optimiser take time and count for
nothing. The rate of the machine is that of the faster of TensorFlow's and NumPy's products of large
float32 matrices. The networks written for PyTorch are in `training_step`.

With `--alone` each has one thread, whose processor time counts, so that other work matters little.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterator, Sequence

import numpy as np

import zoo
from benchmarks import command, machine, matrix_product, rounds, table
from benchmarks.workers import Worker

__all__ = ["main", "rows"]

_QUICK = ("vae_mixture", "star_galaxy_cnn", "gz_cnn")
_SETTINGS = (1e-3, 100.0)
_MATRIX = 2048
_PRODUCTS = 4
# Of each timing, s.
_SECONDS = 1.0
_STEP = "step"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmark; for the arguments see `command.run`."""
    return command.run(_parser(), _measured, ("tensorflow", "keras", "numpy"), arguments)


def rows(quick: bool) -> Iterator[table.Row]:
    """Yields a row for each model, or for three of them; one that fails has the reason."""
    chosen = ["--rounds", "3", "--models", *_QUICK] if quick else ["--rounds", "4"]
    yield from _measured(_parser().parse_args(chosen))


def _measured(options: argparse.Namespace) -> Iterator[table.Row]:
    cores = 1 if options.alone else machine.cores()
    with (
        Worker("benchmarks.zoo_tensorflow", "ZooSteps", *_SETTINGS, options.alone) as step,
        matrix_product.workers(_MATRIX, cores, options.alone) as products,
    ):
        for name in options.models:
            try:
                yield _of_model(name, step, products, options)
            except Exception as error:  # One model must not cost the table the others.
                yield table.failed(f"training step of {name}", error)


def _of_model(
    name: str, step: Worker, products: dict[str, Worker], options: argparse.Namespace
) -> table.Row:
    problem = step.call("prepare", name, options.jit)
    timers = {_STEP: _timer(step, problem.batch_size)}
    timers |= {
        each: functools.partial(worker.call, "rate", _PRODUCTS) for each, worker in products.items()
    }
    others = None if options.alone else machine.bystanders(step, *products.values())
    longest = _SECONDS * 8 * options.rounds
    measured, quiet = rounds.take_turns(timers, options.rounds, others, longest)
    fastest = rounds.fastest(measured, products)
    size = "x".join(map(str, problem.image_shape))
    each = problem.flop / problem.batch_size / 1e9
    return table.compared(
        f"training step of {name}, {size}, batch {problem.batch_size}",
        "GFLOP/s",
        measured,
        (_STEP, fastest),
        f"{fastest} of {_MATRIX}x{_MATRIX}",
        f"{np.median(measured[_STEP]):,.0f} images/s of {each:.3f} GFLOP; {quiet}",
        (each, 1.0),
    )


def _timer(worker: Worker, batch_size: int) -> functools.partial:
    """Returns the timing of so many steps as take about a second, after two that do not count."""
    worker.call("speed", 2)
    steps = max(1, round(_SECONDS * worker.call("speed", 1) / batch_size))
    return functools.partial(worker.call, "speed", steps)


def _parser() -> argparse.ArgumentParser:
    parser = command.make_parser("model_steps", __doc__, models=zoo.list_models())
    parser.add_argument("--jit", action="store_true", help="let XLA compile the steps")
    return parser


if __name__ == "__main__":
    sys.exit(main())
